package anchor

import "slices"

// The forms that are read, in the order in which a text is tried.
const (
	FormUnbound Form = "unbound" // Unbound's auto-trust-anchor-file, with states
	FormRecords Form = "records" // DS and DNSKEY records: root.key, root.ds, trust-anchor-file
)

// Forms are all forms, in the order in which a text is tried.
func Forms() []Form { return []Form{FormUnbound, FormRecords} }

// Writable are the forms that anchors can be converted to.
func Writable() []Form {
	return slices.DeleteFunc(Forms(), func(f Form) bool {
		how, _ := formOf(f)
		return how.line == nil
	})
}

func formOf(f Form) (form, bool) {
	switch f {
	case FormUnbound:
		return form{"Unbound's auto-trust-anchor-file", likeUnbound, parseUnbound, nil}, true
	case FormRecords:
		return form{"DS and DNSKEY records", likeRecords, parseRecords, recordLine}, true
	}
	return form{}, false
}
