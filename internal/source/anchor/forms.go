package anchor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// The forms that are read.
const (
	FormXML         Form = "xml"              // IANA's root-anchors.xml (RFC 7958, RFC 9718)
	FormUnbound     Form = "unbound"          // Unbound's auto-trust-anchor-file, with states
	FormUnboundConf Form = "unbound-conf"     // trust-anchor and the like in unbound.conf
	FormBIND        Form = "bind"             // trust-anchors, managed-keys, trusted-keys in named.conf or bind.keys
	FormBINDState   Form = "bind-state"       // BIND's managed-keys.bind
	FormJournal     Form = "bind-journal"     // the journal beside it, which is newer
	FormStatus      Form = "bind-status"      // what rndc managed-keys status says
	FormSecroots    Form = "bind-secroots"    // what rndc secroots says
	FormKnot        Form = "knot-state"       // Knot Resolver's root.keys, with states
	FormKnotConf    Form = "knot-conf"        // trust_anchors.add and the like in kresd.conf
	FormPowerDNS    Form = "powerdns-lua"     // addTA and the like in PowerDNS Recursor's Lua
	FormPowerYAML   Form = "powerdns-yaml"    // dnssec.trustanchors of PowerDNS Recursor's YAML
	FormDnsmasq     Form = "dnsmasq"          // trust-anchor= of dnsmasq
	FormResolved    Form = "systemd-positive" // systemd-resolved's *.positive
	FormNegative    Form = "systemd-negative" // systemd-resolved's *.negative
	FormRecords     Form = "records"          // DS and DNSKEY records: root.key, root.ds, trust-anchor-file
)

// Forms are all forms, in the order in which a text is tried.
func Forms() []Form {
	return []Form{
		FormXML, FormUnbound, FormJournal, FormBINDState, FormStatus, FormSecroots, FormKnot, FormResolved, FormNegative, FormPowerYAML, FormPowerDNS, FormKnotConf,
		FormBIND, FormUnboundConf, FormDnsmasq, FormRecords,
	}
}

// Writable are the forms that anchors can be converted to.
func Writable() []Form {
	return slices.DeleteFunc(Forms(), func(f Form) bool {
		how, _ := formOf(f)
		return how.line == nil
	})
}

func formOf(f Form) (form, bool) {
	switch f {
	case FormXML:
		return form{"IANA's root-anchors.xml", likeXML, parseXML, xmlLine, xmlFrame}, true
	case FormUnbound:
		return form{"Unbound's auto-trust-anchor-file", likeUnbound, parseUnbound, recordLine, ""}, true
	case FormUnboundConf:
		return form{"unbound.conf", likeUnboundConf, parseUnboundConf, unboundConfLine, "server:\n"}, true
	case FormBIND:
		return form{"BIND's named.conf or bind.keys", likeBIND, parseBIND, bindLine, "trust-anchors {\n};\n"}, true
	case FormBINDState:
		return form{"BIND's managed-keys.bind", likeBINDState, parseBINDState, nil, ""}, true
	case FormJournal:
		return form{"the journal of BIND's managed-keys.bind", likeJournal, parseJournal, nil, ""}, true
	case FormStatus:
		return form{"BIND's rndc managed-keys status", likeStatus, parseStatus, nil, ""}, true
	case FormSecroots:
		return form{"BIND's rndc secroots", likeSecroots, parseSecroots, nil, ""}, true
	case FormKnot:
		return form{"Knot Resolver's state file", likeKnot, parseKnot, recordLine, ""}, true
	case FormKnotConf:
		return form{"Knot Resolver's kresd.conf", likeKnotConf, parseKnotConf, knotConfLine, ""}, true
	case FormPowerDNS:
		return form{"PowerDNS Recursor's Lua", likePowerDNS, parsePowerDNS, powerDNSLine, ""}, true
	case FormPowerYAML:
		return form{"PowerDNS Recursor's YAML", likePowerYAML, parsePowerYAML, nil, ""}, true
	case FormDnsmasq:
		return form{"dnsmasq", likeDnsmasq, parseDnsmasq, dnsmasqLine, ""}, true
	case FormResolved:
		return form{"systemd-resolved's positive trust anchors", likeResolved, parseRecords, resolvedLine, ""}, true
	case FormNegative:
		return form{"systemd-resolved's negative trust anchors", likeNegative, parseNegative, nil, ""}, true
	case FormRecords:
		return form{"DS and DNSKEY records", likeRecords, parseRecords, recordLine, ""}, true
	}
	return form{}, false
}

// digestWords are the fields of an anchor's DS record: tag, algorithm, digest
// type and digest.
func digestWords(zone holdfast.Name, key holdfast.TrustedKey) (string, error) {
	ds, err := digestFor(zone, key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d %d %X", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest), nil
}

// hasSuffix says whether a file's name ends so.
func hasSuffix(name, suffix string) bool { return strings.HasSuffix(strings.ToLower(name), suffix) }
