package alert

import (
	"net/netip"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// mend is the short advice by code; the page of the check has more. A code
// without its own gets that of its family.
var mend = map[string]string{
	"SIG-01":  "On all servers: the signer stands still. Look whether it runs, reaches its keys or HSM, has disk space and the right time; sign the whole zone again, see the serial rise, and see every secondary take it. On one server: it has an old copy; take it out of service until its transfer works.",
	"SIG-02":  "The signer has not renewed these signatures in time. Look whether it runs and re-signs all kinds of records, not SOA and DNSKEY alone; sign again, and see every secondary take the new serial before the instant above.",
	"SIG-05":  "The signer's clock is ahead, or the zone was signed for later. Set the clock (NTP) and sign again.",
	"SIG-07":  "On one server: its copy was damaged; transfer the zone again. On all: the signing key is not the published one (two keys with one tag?), or records were changed after signing. Publish the key that signs, or sign with the key that is published.",
	"SIG-08":  "Records are signed by a key that is not in the DNSKEY set. Publish it, or sign again with one that is.",
	"SIG-09":  "Records come without signatures. Look whether this server has an unsigned copy of the zone; load the last good signed one and sign again.",
	"SIG-13":  "These signatures are the parent's, over your DS or its absence. Nothing on your servers helps: tell the parent's operator (for a top-level domain, IANA).",
	"CHN-01":  "Validators refuse the zone. Mend first what the other findings name; where there are none, compare DS, DNSKEY and signatures with dnsviz or delv.",
	"CHN-02":  "No published key fits any DS. Publish the key that the DS names and sign the DNSKEY set with it, or have the DS replaced at the parent; the first is quicker.",
	"CHN-03":  "The DNSKEY set is not signed by a key that the DS names. Sign it with that key.",
	"CHN-04":  "An algorithm that the DS or DNSKEY set announces has no signatures. Sign the zone with it as well, or withdraw its DS first and then its keys.",
	"CHN-06":  "The parent says that the zone is signed, and it is not. Load the last good signed zone; only where it is to be unsigned, have the DS removed and wait its TTL.",
	"CHN-07":  "The zone is signed, but no DS links it to the parent. If that is not meant, have the DS published.",
	"CHN-10":  "The signatures name the wrong signer or count too many labels. Sign the zone again with a signer that knows the zone's name.",
	"DEL-01":  "The parent gives no delegation. Nothing on your servers helps: call the parent's operator (for a top-level domain, IANA's emergency line).",
	"DEL-02":  "Add a second name server on another address, in the zone and at the parent.",
	"DEL-03":  "Look at routes and firewalls of that address family at the servers named, and at their published addresses.",
	"DEL-04":  "Make the NS sets of zone and parent equal; the zone's own is what resolvers end up with.",
	"DEL-05":  "Make the glue at the parent and the address records in the zone equal.",
	"DEL-07":  "Give the name server's name address records, no alias, or take it out of the NS set, at the parent first. Look at once whether the domain it lies in is still yours.",
	"CON-01":  "No reply: look whether the server runs and UDP port 53 is open both ways. REFUSED or no AA flag: it does not serve the zone. SERVFAIL: a secondary whose copy ran out, or a broken file.",
	"CON-02":  "Open TCP port 53 in firewalls and load balancers; large answers and resolvers behind filters need it.",
	"CON-05":  "The reply comes from another address than the one asked; resolvers drop it. Bind the server to the service address, or mend the NAT.",
	"CST-01":  "A secondary does not follow the primary. Look at its transfers (NOTIFY, TSIG, firewall on TCP port 53) and transfer the zone by hand.",
	"CST-03":  "Servers give different records under one serial or lag behind. Transfer the zone again to the odd ones, and look for a second primary.",
	"CST-04":  "Some servers give a signed zone and some an unsigned one. Take the unsigned ones out of service until they have the signed zone.",
	"ALG":     "Plan a roll to algorithm 13 (ECDSA P-256) or 8 with 2048 bits, and DS records of digest type 2.",
	"CHN":     "Compare DS, DNSKEY and signatures at each server named.",
	"SIG":     "Sign the zone again, see the serial rise, and see every secondary take it.",
	"NEG":     "Let the signer build the NSEC or NSEC3 chain anew and sign it, and see that every server has the same copy.",
	"DEL":     "Compare what parent and zone say of its name servers, and make them equal.",
	"CON":     "Look whether the server runs and can be reached on port 53 by UDP and TCP.",
	"CST":     "See that every server has the same copy of the zone.",
	"SELF-00": "A check of Holdfast failed. Please report it with the program's log.",

	codeWorldDown:   "Look at Holdfast's own network first: routes, firewall, name resolution of nobody else. No zone was blamed.",
	codeUndelivered: "Look at the mail server and the addresses in the configuration; `holdfast notices list` shows what waits and what failed.",
	SelfClock:       "See that a time service (chrony, ntpd, systemd-timesyncd) runs on Holdfast's machine and reaches its servers.",
	SelfLate:        "Look whether Holdfast's machine or its network is overloaded, and whether [scan] and [ask] in the configuration leave time enough for all zones.",
	SelfStale:       "Take a newer release of Holdfast, or see to the source of the root zone where it is the list of zones that is old.",
	SelfDisk:        "Make room where the database is, or lower retention.age and retention.megabytes. What is measured on a full disk is lost.",
	codeRoster:      "Look at the source of the root zone; the old list stays in use until a new one is accepted.",
}

func adviceOn(code string) string {
	if text := mend[code]; text != "" {
		return text
	}
	family, _, _ := strings.Cut(code, "-")
	return mend[family]
}

// questions gives the names and types that show a class of records.
var questions = map[holdfast.Class]string{
	holdfast.ClassSOA: "SOA", holdfast.ClassNS: "NS", holdfast.ClassDNSKEY: "DNSKEY", holdfast.ClassDS: "DS",
	holdfast.ClassNSEC3PARAM: "NSEC3PARAM", holdfast.ClassCDS: "CDS", holdfast.ClassCDNSKEY: "CDNSKEY",
}

// digLines are commands that show what a finding speaks of; one that is true of
// the whole zone is shown at any of its servers. Names come from the network:
// they are quoted, so that a shell takes them as they are.
func digLines(f holdfast.Finding, any netip.Addr) []string {
	if f.Zone == "" {
		return nil
	}
	zone, server := f.Zone.String(), "@NS-ADDRESS"
	switch {
	case f.Server.Address.IsValid():
		server = "@" + f.Server.Address.WithZone("").String()
	case any.IsValid():
		server = "@" + any.WithZone("").String()
	}
	dig := func(qname, qtype, options string) string {
		return "dig " + server + " " + argument(qname) + " " + qtype + " +norecurse +dnssec" + options
	}
	kind, known := questions[f.RRset]
	switch {
	case f.Code == "CON-02":
		return []string{dig(zone, "SOA", " +tcp")}
	case f.RRset == holdfast.ClassDenial || strings.HasPrefix(f.Code, "NEG-"):
		return []string{dig("holdfast-no-such-name."+strings.TrimPrefix(zone, "."), "A", "")}
	case known && (f.Server.Address.IsValid() || f.RRset != holdfast.ClassDS):
		return []string{dig(zone, kind, "")}
	case f.RRset == holdfast.ClassDS:
		return []string{"dig " + argument(zone) + " DS +cdflag +dnssec"}
	case strings.HasPrefix(f.Code, "DEL-"):
		return []string{"dig +trace +nodnssec " + argument(zone) + " NS", dig(zone, "NS", "")}
	case strings.HasPrefix(f.Code, "CHN-") && !f.Server.Address.IsValid():
		return []string{"dig " + argument(zone) + " DS +cdflag +dnssec", "dig " + argument(zone) + " DNSKEY +cdflag +dnssec", "delv " + argument(zone) + " SOA"}
	case strings.HasPrefix(f.Code, "CHN-"):
		return []string{dig(zone, "DNSKEY", "")}
	}
	return []string{dig(zone, "SOA", "")}
}

// argument is a name as a shell takes it for one word that is no option.
func argument(name string) string {
	plain := !strings.HasPrefix(name, "-") && !strings.HasPrefix(name, "+") && !strings.HasPrefix(name, "@")
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			plain = false
		}
	}
	if plain {
		return name
	}
	return "-q '" + strings.ReplaceAll(clean(name, 4*255), "'", `'\''`) + "'"
}

// doubts says why a contact may not get a mail about a zone in trouble, as far
// as names tell. servers are the zone's name servers.
func doubts(contact holdfast.Contact, zone holdfast.Name, servers []holdfast.Server) string {
	address, err := mailAddress(contact.Email)
	_, domain, _ := cutLast(address, "@")
	name, wrong := holdfast.ParseName(domain)
	if err != nil || wrong != nil {
		return "its mail address cannot be used"
	}
	if zone != holdfast.Root && name.IsSubdomainOf(zone) {
		return "its mail domain lies under " + zoneText(zone, "") + " itself: while the zone fails, mail to it may not arrive"
	}
	for _, s := range servers {
		house := s.Name.Parent()
		if house.Labels() >= 2 && name.IsSubdomainOf(house) {
			return "its mail domain lies under " + clean(house.Short(), maxLine) + ", where the zone's own name servers are: they may fail together"
		}
	}
	return ""
}
