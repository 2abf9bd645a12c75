ALTER TABLE view.sections SET (fillfactor = 80);
