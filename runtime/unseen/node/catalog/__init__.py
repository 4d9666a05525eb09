"""What the operator hosts and offers: tables, labels, snapshots, products."""
