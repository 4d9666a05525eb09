"""Where computing happens: worker processes behind one interface, so that the loop stays free."""
