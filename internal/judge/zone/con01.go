package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func notAnswering() judge.Check {
	return judge.Check{
		Code: "CON-01", Name: "not-answering", Severity: holdfast.SeverityWarning,
		Reference: "RFC 1034 section 4.3.1, RFC 1035 section 4.2.1",
		Summary:   "Each server answers for the zone over UDP with authority, without error, and with its SOA and NS records.",
		Judge:     judgeAnswers,
	}
}

func judgeAnswers(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	silent := ours(c)
	for _, server := range c.Servers {
		replies := latest(c, server)
		if silent[familyOf(server.Address)] || !askedUDP(replies) {
			continue
		}
		of++
		fault, evidence := answerFault(c, replies)
		if fault == "" {
			continue
		}
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityWarning, Server: server, EDE: edeNetwork(replies), Evidence: evidence,
			Text: fault,
		})
	}
	if 2*len(out) > of {
		for i := range out {
			out[i].Severity = holdfast.SeverityError
		}
	}
	return judge.Spread(out, of, holdfast.SeverityCritical, "no name server of the zone answers for it as it must")
}

func askedUDP(replies []judge.Reply) bool {
	for _, r := range replies {
		if r.Exchange.Purpose != holdfast.PurposeSOATCP {
			return true
		}
	}
	return false
}

// edeNetwork is the extended error that a resolver would show: 22 (no
// reachable authority) where nothing came, 23 (network error) where the
// network said so, none where the server spoke (RFC 8914 sections 4.23, 4.24).
func edeNetwork(replies []judge.Reply) int {
	ede := 22
	for _, r := range replies {
		if replied(r) {
			return 0
		}
		if r.Exchange.Outcome == holdfast.Unreachable || r.Exchange.Outcome == holdfast.Refused {
			ede = 23
		}
	}
	return ede
}

// answerFault says what is wrong with a server's answers over UDP, empty where
// nothing is. One answer to any question shows that the server is there, so
// that a lost packet is no fault.
func answerFault(c *judge.Case, replies []judge.Reply) (fault string, evidence []int) {
	heard := false
	for _, r := range replies {
		if r.Exchange.Purpose != holdfast.PurposeSOATCP {
			heard = heard || overUDP(r)
			evidence = append(evidence, r.Index)
		}
	}
	if !heard {
		return silence(replies), evidence
	}
	for _, r := range replies {
		if !overUDP(r) || !replied(r) {
			continue
		}
		t := wire.TypeSOA
		switch r.Exchange.Purpose {
		case holdfast.PurposeSOA:
		case holdfast.PurposeNS:
			t = wire.TypeNS
		default:
			continue
		}
		if fault := replyFault(c, r, t); fault != "" {
			return fault, []int{r.Index}
		}
	}
	return "", nil
}

// silence says how a server does not answer over UDP, by what the network or
// the other replies tell.
func silence(replies []judge.Reply) string {
	for _, r := range replies {
		if r.Exchange.Purpose == holdfast.PurposeSOATCP {
			continue
		}
		switch r.Exchange.Outcome {
		case holdfast.Refused:
			return "does not answer over UDP: its host says that the port is closed"
		case holdfast.Unreachable:
			return "does not answer over UDP: the network says that it cannot be reached"
		case holdfast.WrongSource:
			return "does not answer over UDP from the address that was asked"
		case holdfast.Answered:
			return "answers over TCP and not over UDP"
		}
	}
	return "does not answer over UDP"
}

// replyFault says what an answer for a type of the apex lacks, empty where it
// is as it must be.
func replyFault(c *judge.Case, r judge.Reply, t wire.Type) string {
	if r.Exchange.Outcome == holdfast.TruncatedTwice {
		return fmt.Sprintf("cuts its answer to the question for %s short over UDP and TCP", t)
	}
	if r.Message == nil {
		return fmt.Sprintf("answers the question for %s with a message that cannot be read", t)
	}
	m := r.Message
	switch {
	case m.Rcode != wire.NoError:
		return fmt.Sprintf("answers the question for %s with %s", t, wire.RcodeName(m.Rcode))
	case !m.Authoritative:
		return fmt.Sprintf("answers the question for %s without authority (no AA flag)", t)
	case c.Answer(r, c.Zone, t) == nil:
		return fmt.Sprintf("answers the question for %s without the record", t)
	}
	return ""
}
