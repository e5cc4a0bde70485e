package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// parseNamedKey reads "NAME ksk|zsk ALG [BITS] [same-tag NAME]".
func parseNamedKey(words []string) (NamedKey, error) {
	if len(words) < 3 || words[1] != "ksk" && words[1] != "zsk" {
		return NamedKey{}, fmt.Errorf("key: want NAME ksk|zsk ALG [BITS] [same-tag NAME]")
	}
	k := NamedKey{Name: words[0], SEP: words[1] == "ksk"}
	if strings.Contains(k.Name, ",") {
		return k, fmt.Errorf("key %q: commas stand between names", k.Name)
	}
	words = words[2:]
	if n := slices.Index(words, "same-tag"); n >= 0 {
		if n != len(words)-2 {
			return k, fmt.Errorf("key %s: same-tag: want one name after it, at the end", k.Name)
		}
		k.SameTag, words = words[n+1], words[:n]
	}
	s := Signing{}
	if err := s.parseAlgorithm(words); err != nil {
		return k, fmt.Errorf("key %s: %w", k.Name, err)
	}
	k.Algorithm = s.Algorithms[0]
	return k, nil
}

// parseKeyOrder reads "[at INSTANT] [publish NAMES] [sign NAMES] [revoke NAMES]
// [data NAMES] [ds NAMES] [called TEXT]", in any order, names joined by commas.
func parseKeyOrder(words []string, start time.Time, first bool) (KeyOrder, error) {
	o := KeyOrder{}
	lists := map[string]*[]string{"publish": &o.Publish, "sign": &o.Sign, "revoke": &o.Revoke, "data": &o.Data, "ds": &o.DS}
	for len(words) > 0 {
		if len(words) == 1 {
			return o, fmt.Errorf("keys: %q wants something after it, or is unknown", words[0])
		}
		verb, word, used := words[0], words[1], 2
		var err error
		switch list := lists[verb]; {
		case list != nil:
			*list = append(*list, strings.Split(word, ",")...)
		case verb == "at":
			o.At, err = relativeInstant(word, start)
		case verb == "called":
			rest := quoted(words[1:])
			o.Text, used = rest[0], len(words)-len(rest)+1
		default:
			err = fmt.Errorf("want at, publish, sign, revoke, data, ds or called")
		}
		if err != nil {
			return o, fmt.Errorf("keys %s: %w", verb, err)
		}
		words = words[used:]
	}
	if o.At.IsZero() && !first {
		return o, fmt.Errorf("keys: want at INSTANT in all but the first")
	}
	return o, nil
}
