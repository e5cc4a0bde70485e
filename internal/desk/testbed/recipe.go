package testbed

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// slow says whether a zone is made for the hold-downs that resolvers have when
// nobody touches them.
func slow(z holdfast.TestZone) bool { return z.Timers.Add >= 30*day }

// Recipes are how resolvers are set up for a zone: those that can follow RFC
// 5011 first, and those that trust what their configuration says.
func Recipes(z holdfast.TestZone) []holdfast.TestRecipe {
	return []holdfast.TestRecipe{unbound(z), bind(z), knot(z), powerdns(z), dnsmasq(z), resolved(z)}
}

// DNSKEY is a zone's first key as a record in presentation format.
func DNSKEY(z holdfast.TestZone) string {
	return fmt.Sprintf("%s %d IN DNSKEY %d 3 %d %s", z.Name, int(z.Timers.TTL/time.Second), z.Old.Flags, z.Old.Algorithm, key(z.Old))
}

// DS is the digest of a zone's first key as a record in presentation format.
func DS(z holdfast.TestZone) string {
	return fmt.Sprintf("%s IN DS %d %d 2 %X", z.Name, z.Old.Tag, z.Old.Algorithm, z.Old.Digest)
}

func key(k holdfast.TestKey) string { return base64.StdEncoding.EncodeToString(k.Public) }

func seconds(d time.Duration) int { return int(max(d, time.Second) / time.Second) }

// alone is what must be said of settings that hold for all trust anchors of a
// resolver, the root's among them.
const alone = " The short hold-downs hold for every trust anchor of that process, the root's too: use one that serves nobody else."

func unbound(z holdfast.TestZone) holdfast.TestRecipe {
	r := holdfast.TestRecipe{Resolver: "Unbound", Follows: true,
		About: "Unbound writes what it learns into the file that holds the key. It must be able to write that file and to make others in the same folder.",
		Check: fmt.Sprintf("grep state= /var/lib/unbound/%s.key", z.Name.Short())}
	var conf strings.Builder
	fmt.Fprintf(&conf, "server:\n    auto-trust-anchor-file: \"/var/lib/unbound/%s.key\"\n", z.Name.Short())
	if !slow(z) {
		fmt.Fprintf(&conf, "    permit-small-holddown: yes\n    add-holddown: %d\n    del-holddown: %d\n", seconds(z.Timers.Add), seconds(z.Timers.Remove))
		r.About += alone
	}
	r.Files = []holdfast.TestFile{
		{Path: fmt.Sprintf("/var/lib/unbound/%s.key", z.Name.Short()), Text: DNSKEY(z) + "\n"},
		{Path: fmt.Sprintf("/etc/unbound/unbound.conf.d/%s.conf", z.Name.Short()), Text: conf.String()},
	}
	return r
}

func bind(z holdfast.TestZone) holdfast.TestRecipe {
	r := holdfast.TestRecipe{Resolver: "BIND", Follows: true,
		About: "BIND takes the key from its configuration once, and keeps what it learns in managed-keys.bind, in the folder of managed-keys-directory, which it must be able to write to.",
		Check: "rndc managed-keys status",
		Files: []holdfast.TestFile{{Path: "named.conf", Text: fmt.Sprintf("trust-anchors {\n    %s initial-key %d 3 %d \"%s\";\n};\n", z.Name, z.Old.Flags, z.Old.Algorithm, key(z.Old))}},
	}
	if !slow(z) {
		r.About += " Its hold-down is thirty days, and no setting changes it; a switch made for BIND's own tests does (seconds to be taken for an hour, a day and a month)." + alone
		r.Files = append(r.Files, holdfast.TestFile{Path: "named's command line, added to the flags it has",
			Text: fmt.Sprintf("-T mkeytimers=%d/%d/%d\n", seconds(z.Timers.Query), seconds(z.Timers.TTL), seconds(z.Timers.Add))})
	}
	return r
}

func knot(z holdfast.TestZone) holdfast.TestRecipe {
	file := fmt.Sprintf("/var/lib/knot-resolver/%s.keys", z.Name.Short())
	r := holdfast.TestRecipe{Resolver: "Knot Resolver 5", Follows: true,
		About: "Knot Resolver writes what it learns into the file that holds the key, and makes others beside it.",
		Check: "grep -v '^;;' " + file}
	var conf strings.Builder
	if !slow(z) {
		fmt.Fprintf(&conf, "modules.load('ta_update')\nta_update.hold_down_time = %d * sec\nta_update.refresh_time = %d * sec\n", seconds(z.Timers.Add), seconds(z.Timers.Query))
		r.About += alone
	}
	fmt.Fprintf(&conf, "trust_anchors.add_file('%s')\n", file)
	r.Files = []holdfast.TestFile{{Path: file, Text: DNSKEY(z) + "\n"}, {Path: "kresd.conf", Text: conf.String()}}
	return r
}

// fixed is said of resolvers that cannot follow.
const fixed = "It does not follow RFC 5011: it trusts what its configuration holds. With this it answers until the new key signs alone, and with SERVFAIL from then on."

func powerdns(z holdfast.TestZone) holdfast.TestRecipe {
	return holdfast.TestRecipe{Resolver: "PowerDNS Recursor", About: fixed, Check: "dig @127.0.0.1 CH TXT trustanchor.server.",
		Files: []holdfast.TestFile{{Path: "the file of lua-config-file", Text: fmt.Sprintf("addTA('%s', \"%d %d 2 %x\")\n", z.Name.Short(), z.Old.Tag, z.Old.Algorithm, z.Old.Digest)}}}
}

func dnsmasq(z holdfast.TestZone) holdfast.TestRecipe {
	return holdfast.TestRecipe{Resolver: "dnsmasq", About: fixed,
		Files: []holdfast.TestFile{{Path: "dnsmasq.conf", Text: fmt.Sprintf("trust-anchor=%s,%d,%d,2,%X\n", z.Name.Short(), z.Old.Tag, z.Old.Algorithm, z.Old.Digest)}}}
}

func resolved(z holdfast.TestZone) holdfast.TestRecipe {
	return holdfast.TestRecipe{Resolver: "systemd-resolved", About: fixed,
		Files: []holdfast.TestFile{{Path: fmt.Sprintf("/etc/dnssec-trust-anchors.d/%s.positive", z.Name.Short()), Text: DS(z) + "\n"}}}
}
