package anchor

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// compare reminds of what nobody should skip: an anchor that a program prints
// is as good as the way by which the program came.
const compare = " (compare it with https://data.iana.org/root-anchors/root-anchors.xml, `holdfast anchors verify`, before you trust it)"

// mend is the line that gives a resolver the keys that it lacks.
func (a *auditing) mend(p holdfast.Prospect) string {
	var lacking []holdfast.RootKey
	for _, k := range a.needed() {
		if _, ok := withTag(p.Trusts, k.Tag); !ok && k.DS != nil {
			lacking = append(lacking, k)
		}
	}
	if len(lacking) == 0 {
		return ""
	}
	lines := make([]string, len(lacking))
	for n, k := range lacking {
		lines[n] = anchorLine(p.Software, k)
	}
	return whereTo(p, strings.Join(lines, " ; ")) + compare
}

// anchorLine writes a root key as a resolver's configuration has it.
func anchorLine(s holdfast.Software, k holdfast.RootKey) string {
	digest := strings.ToUpper(hex.EncodeToString(k.DS.Digest))
	switch s {
	case holdfast.BIND:
		return fmt.Sprintf(`trust-anchors { . initial-ds %d %d %d "%s"; };`, k.Tag, k.Algorithm, k.DS.DigestType, digest)
	case holdfast.Knot:
		return fmt.Sprintf(`trust_anchors.add('. IN DS %d %d %d %s')`, k.Tag, k.Algorithm, k.DS.DigestType, digest)
	case holdfast.PowerDNS:
		return fmt.Sprintf(`addTA(".", "%d %d %d %s")`, k.Tag, k.Algorithm, k.DS.DigestType, digest)
	case holdfast.Dnsmasq:
		return fmt.Sprintf("trust-anchor=.,%d,%d,%d,%s", k.Tag, k.Algorithm, k.DS.DigestType, digest)
	}
	return dsLine(k)
}

// dsLine is a root key as a DS record.
func dsLine(k holdfast.RootKey) string {
	if k.DS == nil {
		return fmt.Sprintf("the DS record of %s", k.Name)
	}
	return fmt.Sprintf(". IN DS %d %d %d %s", k.Tag, k.Algorithm, k.DS.DigestType, strings.ToUpper(hex.EncodeToString(k.DS.Digest)))
}

// whereTo says where a line belongs, and what has to be done for it to count.
func whereTo(p holdfast.Prospect, line string) string {
	way := holdfast.Anchoring{}
	if len(p.Anchorings) > 0 {
		way = p.Anchorings[0]
	}
	for _, w := range p.Anchorings {
		if w.Upkeep == holdfast.UpkeepFollow {
			way = w
		}
	}
	config := "the configuration"
	if len(p.Configs) > 0 {
		config = p.Configs[0]
	}
	switch p.Software {
	case holdfast.Unbound:
		return unboundWhere(way, config, line)
	case holdfast.BIND:
		if way.Upkeep == holdfast.UpkeepFollow {
			return fmt.Sprintf("in %s: %s then `rndc managed-keys destroy` and `rndc reconfig`, so that it begins anew with it", config, line)
		}
		return fmt.Sprintf("instead of %s: dnssec-validation auto; or in %s: %s", place(way.Statement.Place), config, line)
	case holdfast.Knot:
		return fmt.Sprintf("install a newer %s, or in %s: %s", orElse(way.File, "anchor file"), config, line)
	case holdfast.PowerDNS:
		return fmt.Sprintf(`in the file that lua-config-file names: readTrustAnchorsFromFile("/usr/share/dns/root.key"), or %s`, line)
	case holdfast.Dnsmasq:
		return fmt.Sprintf("in %s: %s", orElse(way.File, config), line)
	case holdfast.Resolved:
		return "in /etc/dnssec-trust-anchors.d/root.positive, which replaces what is built in, beside the other keys: " + line
	}
	return "add " + line
}

func unboundWhere(way holdfast.Anchoring, config, line string) string {
	switch {
	case way.Upkeep == holdfast.UpkeepFollow:
		return fmt.Sprintf("stop Unbound, add to %s the line %s and start it; or `unbound-anchor -F -a %s`, whose exit code is 1 where it renewed the file, and 0 also where it failed", way.File, line, way.File)
	case way.File != "":
		return fmt.Sprintf(`at %s write auto-trust-anchor-file: "%s" in a folder that Unbound may write, and add to that file: %s`, place(way.Statement.Place), way.File, line)
	case way.Statement.Place != "":
		return fmt.Sprintf(`after %s add trust-anchor: "%s", or use auto-trust-anchor-file`, place(way.Statement.Place), line)
	}
	return fmt.Sprintf(`in the server: part of %s: auto-trust-anchor-file: "/var/lib/unbound/root.key", with a file that has: %s`, config, line)
}

// validateLine is the line that switches validation on.
func validateLine(s holdfast.Software, reason holdfast.Setting) string {
	line := map[holdfast.Software]string{
		holdfast.Unbound: `module-config: "validator iterator" and auto-trust-anchor-file: "/var/lib/unbound/root.key"`, holdfast.BIND: "dnssec-validation auto;",
		holdfast.Knot: "without trust_anchors.remove('.') and dnssec: false", holdfast.PowerDNS: "dnssec=validate", holdfast.Dnsmasq: "dnssec, with trust-anchor= lines",
		holdfast.Resolved: "DNSSEC=yes",
	}[s]
	if line == "" {
		return ""
	}
	return "if it is to validate, at " + place(reason.Place) + ": " + line
}

// evidence is the places that are known, each once.
func evidence(places ...string) []string {
	out := []string{}
	for _, p := range places {
		if p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func place(p string) string { return orElse(p, "the configuration") }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
