package server

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func typesMishandled() judge.Check {
	return judge.Check{
		Code: "NSB-05", Name: "types-mishandled", Severity: holdfast.SeverityWarning,
		Reference: "RFC 3597 section 3, RFC 4074 section 4",
		Summary:   "Each server answers for types that it does not know or has no records of without an error.",
		Unless:    []string{"CON-01"},
		Judge:     judgeTypes,
	}
}

func judgeTypes(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		if _, ok := plain(c, server); !ok {
			continue
		}
		of++
		var faults []string
		var evidence []int
		note := func(fault string, r judge.Reply) {
			if !slices.Contains(faults, fault) {
				faults = append(faults, fault)
			}
			evidence = append(evidence, r.Index)
		}
		replies := apexReplies(c, server)
		if r, ok := said(c, server, holdfast.PurposeNoData); ok {
			replies = append(replies, r)
		}
		for _, r := range replies {
			if r.Message.Rcode != wire.NoError {
				note(typeFault(r), r)
			}
		}
		for _, r := range deniedNames(c, server) {
			note(typeFault(r)+" where the name has an A record", r)
		}
		if len(faults) > 0 {
			slices.Sort(faults)
			out = append(out, holdfast.Finding{Severity: holdfast.SeverityWarning, Server: server, Evidence: evidence,
				Text: "answers " + and(faults) + ", where NOERROR is due"})
		}
	}
	return rolled(out, of, holdfast.SeverityWarning)
}

func typeFault(r judge.Reply) string {
	return wire.RcodeName(r.Message.Rcode) + " for " + wire.Type(r.Exchange.Question.Type).String()
}

// deniedNames are the server's answers that there is no such name, to
// questions for the AAAA of one whose A was found (RFC 4074 section 4.2).
func deniedNames(c *judge.Case, server holdfast.Server) []judge.Reply {
	var has []holdfast.Name
	var denied []judge.Reply
	for _, r := range c.Replies(c.Zone, holdfast.PurposeAddress) {
		q := r.Exchange.Question
		switch {
		case r.Message == nil:
		case q.Type == uint16(wire.TypeA) && r.Message.Authoritative && c.Answer(r, q.Name, wire.TypeA) != nil:
			has = append(has, q.Name)
		case q.Type == uint16(wire.TypeAAAA) && r.Exchange.Server == server && r.Message.Rcode == wire.NXDomain:
			denied = append(denied, r)
		}
	}
	return slices.DeleteFunc(denied, func(r judge.Reply) bool { return !slices.Contains(has, r.Exchange.Question.Name) })
}
