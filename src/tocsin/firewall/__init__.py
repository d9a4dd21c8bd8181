"""Rules -> what the kernel does with packets, by nft or iptables; knows the nouns, and no stage of the pipeline."""
