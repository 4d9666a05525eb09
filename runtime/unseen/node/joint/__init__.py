"""Joint rounds: this node's part in adding numbers up with other nodes."""
