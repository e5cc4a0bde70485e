package zone

import (
	"math/bits"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/past"
)

// Of the last twelve looks (holdfast.LossLooks). A look is lossy where two
// questions or more and a tenth or more of all were lost, and others were not:
// at one packet in a hundred lost, eight such looks of twelve do not happen.
const (
	lossyWarns  = 8
	lossyNotes  = 4
	changeWarns = 6 // three times silent and back
	changeNotes = 4
)

func losesQuestions() judge.Check {
	return judge.Check{
		Code: "CON-03", Name: "loses-questions", Severity: holdfast.SeverityWarning,
		Reference: "RFC 2182 section 3; ICANN registry agreement, specification 10",
		Summary:   "Over the last looks no server loses a good part of the questions put to it, nor comes and goes.",
		Unless:    []string{"CON-01"},
		Judge:     judgeLoss,
	}
}

func judgeLoss(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, server := range c.Servers {
		p, known := past.ServerOf(c, server)
		if !known {
			continue
		}
		severity, text := lossFault(p)
		if text == "" {
			continue
		}
		f := holdfast.Finding{Severity: severity, Server: server, Text: text}
		for _, r := range latest(c, server) {
			f.Evidence = append(f.Evidence, r.Index)
		}
		out = append(out, f)
	}
	return out
}

func lossFault(p holdfast.ServerPast) (holdfast.Severity, string) {
	// A silence that began before the looks remembered has no first change.
	changes := bits.OnesCount16((p.Dark ^ p.Dark>>1) & (1<<(holdfast.LossLooks-1) - 1))
	switch lossy := bits.OnesCount16(p.Lossy); {
	case lossy >= lossyWarns:
		return holdfast.SeverityWarning, "loses a tenth or more of the questions put to it, in most of the last looks"
	case changes >= changeWarns:
		return holdfast.SeverityWarning, "comes and goes: in the last looks it was silent again and again, and answered in between"
	case lossy >= lossyNotes:
		return holdfast.SeverityNotice, "loses a tenth or more of the questions put to it, in some of the last looks"
	case changes >= changeNotes:
		return holdfast.SeverityNotice, "was silent more than once in the last looks, and answered in between"
	}
	return 0, ""
}
