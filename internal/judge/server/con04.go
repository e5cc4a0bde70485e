package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func largeAnswersLost() judge.Check {
	return judge.Check{
		Code: "CON-04", Name: "large-answers-lost", Severity: holdfast.SeverityWarning,
		Reference: "RFC 6891 section 6.2, RFC 9715 section 3, RFC 7766 section 5",
		Summary:   "Each server knows EDNS, its large answers arrive over UDP within 1232 octets, and what is cut short there is had over TCP.",
		Unless:    []string{"CON-01"},
		Judge:     judgeLarge,
	}
}

func judgeLarge(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	ours := swallowed(c)
	for _, server := range c.Servers {
		usual, ok := plain(c, server)
		if !ok {
			continue
		}
		of++
		f := holdfast.Finding{Severity: holdfast.SeverityWarning, Server: server}
		replies := plainReplies(c, server)
		switch {
		case usual.Message.EDNS == nil:
			f.Text, f.Evidence = "answers without EDNS: no signatures come from it, and nothing above 512 octets over UDP", []int{usual.Index}
		default:
			f.Text, f.Evidence = largeFault(replies, ours)
		}
		if f.Text != "" {
			out = append(out, f)
		}
	}
	return rolled(out, of, holdfast.SeverityWarning)
}

// plainReplies are the exchanges of the plain questions to a server, but for
// the one that was put over TCP to begin with.
func plainReplies(c *judge.Case, server holdfast.Server) []judge.Reply {
	var out []judge.Reply
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		ordinary := e.Purpose.Plain() && e.Purpose != holdfast.PurposeSOATCP || e.Purpose == holdfast.PurposeNXDeep
		if e.Zone == c.Zone && e.Server == server && ordinary {
			out = append(out, c.Reply(i))
		}
	}
	return out
}

// asked is what an ordinary question of ours takes over UDP, in octets.
const asked = 1232

// largeFault says what becomes of a server's large answers, empty where they
// arrive. swallowed is true where it is our own path that loses them.
func largeFault(replies []judge.Reply, swallowed bool) (string, []int) {
	var over, short []int
	timeouts := 0
	overTCP := false
	for _, r := range replies {
		e := r.Exchange
		switch {
		case e.Transport == holdfast.UDP && e.Outcome == holdfast.Answered && len(e.Reply) > asked:
			over = append(over, r.Index)
		case e.Truncated && e.Outcome == holdfast.Answered:
			overTCP = true
		case e.Truncated:
			short = append(short, r.Index)
			if e.Outcome == holdfast.Timeout {
				timeouts++
			}
		}
	}
	switch {
	case len(over) > 0:
		return "sends more over UDP than the 1232 octets that were asked for", over
	case len(short) > 0 && !overTCP && (timeouts < len(short) || timeouts > 1):
		return "cuts large answers short over UDP and does not give them over TCP", short
	}
	if lost := lostOverUDP(replies); len(lost) > 1 && !swallowed {
		return "does not get its large answers through over UDP: they are had over TCP only", lost
	}
	return "", nil
}

// lostOverUDP are the answers that stayed away over UDP and came over TCP,
// where each is larger than all that came over UDP, and enough of that did:
// that is no lost packet but a path or a middlebox that loses large ones.
func lostOverUDP(replies []judge.Reply) []int {
	largest, arrived := 0, 0
	for _, r := range replies {
		if e := r.Exchange; e.Transport == holdfast.UDP && e.Outcome == holdfast.Answered {
			arrived++
			largest = max(largest, len(e.Reply))
		}
	}
	var lost []int
	for _, r := range replies {
		if !fellBack(r.Exchange) {
			continue
		}
		if len(r.Exchange.Reply) <= max(largest, 512) {
			return nil // a smaller one was lost as well
		}
		lost = append(lost, r.Index)
	}
	if arrived < 3 {
		return nil
	}
	return lost
}

// fellBack says that the answer came over TCP after silence over UDP.
func fellBack(e *holdfast.Exchange) bool {
	return e.Transport == holdfast.TCP && !e.Truncated && e.Tries > 1 && e.Outcome == holdfast.Answered
}

// swallowed says whether our own path may lose what is large: servers of other
// zones had to be asked over TCP too, and nothing large came over UDP from
// them.
func swallowed(c *judge.Case) bool {
	lost, came := false, false
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Zone == c.Zone || e.Outcome != holdfast.Answered {
			continue
		}
		lost = lost || fellBack(e) && len(e.Reply) > 512
		came = came || e.Transport == holdfast.UDP && len(e.Reply) > 512
	}
	return lost && !came
}
