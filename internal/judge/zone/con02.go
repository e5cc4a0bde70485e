package zone

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func tcpNotAnswering() judge.Check {
	return judge.Check{
		Code: "CON-02", Name: "tcp-not-answering", Severity: holdfast.SeverityWarning,
		Reference: "RFC 7766 section 5, RFC 9210 section 3",
		Summary:   "Each server that answers over UDP gives the same answer over TCP.",
		Unless:    []string{"CON-01"},
		Judge:     judgeTCP,
	}
}

func judgeTCP(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		replies := latest(c, server)
		fault, evidence, judged := tcpFault(c, replies)
		if !judged {
			continue
		}
		of++
		if fault != "" {
			out = append(out, holdfast.Finding{
				Severity: holdfast.SeverityWarning, Server: server, Evidence: evidence,
				Text: fault,
			})
		}
	}
	return judge.Spread(out, of, holdfast.SeverityError, "no name server of the zone answers over TCP as it does over UDP")
}

// tcpFault says what is wrong with a server's answer over TCP, empty where
// nothing is. judged is false where TCP was not asked in the last look, or the
// server is not well over UDP, which is another check's.
func tcpFault(c *judge.Case, replies []judge.Reply) (fault string, evidence []int, judged bool) {
	var tcp *judge.Reply
	udp, carried := false, false
	for i, r := range replies {
		switch {
		case r.Exchange.Purpose == holdfast.PurposeSOATCP:
			tcp = &replies[i]
		case r.Message != nil && r.Exchange.Transport == holdfast.TCP:
			carried = true
		}
		if r.Exchange.Purpose == holdfast.PurposeSOA && overUDP(r) && r.Message != nil {
			udp = replyFault(c, r, wire.TypeSOA) == ""
		}
	}
	if tcp == nil || !udp {
		return "", nil, false
	}
	evidence = []int{tcp.Index}
	switch {
	case replied(*tcp):
		if fault := replyFault(c, *tcp, wire.TypeSOA); fault != "" {
			return "answers over UDP, and over TCP it " + fault, evidence, true
		}
		return "", nil, true
	case carried:
		return "", nil, true // another question went through
	case tcp.Exchange.Outcome == holdfast.Refused:
		return "answers over UDP and refuses connections over TCP", evidence, true
	}
	return "answers over UDP and not over TCP", evidence, true
}
