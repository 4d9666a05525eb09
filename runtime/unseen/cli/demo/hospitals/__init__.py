"""An insurer asks three hospitals: one sum and one model, over rows that stay where they are."""
