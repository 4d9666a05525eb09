"""Which of one party's items another party has too, and how many, without showing the others."""
