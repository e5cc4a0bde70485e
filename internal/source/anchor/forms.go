package anchor

import "slices"

// The forms that are read, in the order in which a text is tried.
const (
	FormXML       Form = "xml"           // IANA's root-anchors.xml (RFC 7958, RFC 9718)
	FormUnbound   Form = "unbound"       // Unbound's auto-trust-anchor-file, with states
	FormBINDState Form = "bind-state"    // BIND's managed-keys.bind
	FormStatus    Form = "bind-status"   // what rndc managed-keys status says
	FormSecroots  Form = "bind-secroots" // what rndc secroots says
	FormKnot      Form = "knot-resolver" // Knot Resolver's root.keys, with states
	FormRecords   Form = "records"       // DS and DNSKEY records: root.key, root.ds, trust-anchor-file
)

// Forms are all forms, in the order in which a text is tried.
func Forms() []Form {
	return []Form{FormXML, FormUnbound, FormBINDState, FormStatus, FormSecroots, FormKnot, FormRecords}
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
		return form{"IANA's root-anchors.xml", likeXML, parseXML, xmlLine}, true
	case FormUnbound:
		return form{"Unbound's auto-trust-anchor-file", likeUnbound, parseUnbound, nil}, true
	case FormBINDState:
		return form{"BIND's managed-keys.bind", likeBINDState, parseBINDState, nil}, true
	case FormStatus:
		return form{"BIND's rndc managed-keys status", likeStatus, parseStatus, nil}, true
	case FormSecroots:
		return form{"BIND's rndc secroots", likeSecroots, parseSecroots, nil}, true
	case FormKnot:
		return form{"Knot Resolver's state file", likeKnot, parseKnot, nil}, true
	case FormRecords:
		return form{"DS and DNSKEY records", likeRecords, parseRecords, recordLine}, true
	}
	return form{}, false
}
