-- addTA(".", "1 8 2 00")
clearTA()
addTA('.', "20326 8 2 e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d") --[[ the old
addTA(".", "2 8 2 00") ]] readTrustAnchorsFromFile("/usr/share/dns/root.key", 12)
addNTA("example", "broken -- since Friday")
