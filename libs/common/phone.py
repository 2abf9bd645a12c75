import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat


def normalise_phone(raw: str, region: str = "CN") -> str:
    """E.164 (`+8613812345678`) of a number as people write it; `region` is ISO 3166, for numbers without +.

    Raises ValueError with one sentence that does not repeat the number. Letters are refused, since the parser
    would read them as digits; so is an extension, which E.164 cannot hold.
    """
    if any(character.isalpha() for character in raw):
        raise ValueError("The phone number contains letters.")
    number = _parse(raw, region)
    if number.extension:
        raise ValueError("The phone number has an extension, which must be given apart.")
    if not phonenumbers.is_valid_number(number):
        raise ValueError("The phone number is not one that its country assigns.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _parse(raw: str, region: str) -> PhoneNumber:
    try:
        return phonenumbers.parse(raw, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise ValueError("The phone number's country code is unknown.") from None
        raise ValueError("The text is not a phone number.") from None
