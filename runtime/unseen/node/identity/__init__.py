"""Who the node is and who may call it: keys at rest, certificates, pins, rights."""
