package wire

// Text is the text of a TXT record: its character-strings one after another,
// as SPF and its kin read them (RFC 7208 section 3.3).
func (r Record) Text() (string, error) {
	if err := r.want(TypeTXT); err != nil {
		return "", err
	}
	var out []byte
	for d := r.Data; len(d) > 0; {
		length := int(d[0])
		if len(d) < 1+length {
			return "", r.dataError(errShort)
		}
		out = append(out, d[1:1+length]...)
		d = d[1+length:]
	}
	return string(out), nil
}
