// Package server judges how name servers behave, whatever they say of a zone:
// towards strangers, towards what they do not know, and with answers that are
// large.
//
// Every check rests on replies. A question that stayed unanswered says nothing
// here, since it was sent once and packets are lost; whether a server answers
// at all is the zone room's to judge. A server is held to what it does unusual
// only where it answers the plain question for the zone's SOA well: what is
// wrong otherwise has its own check.
package server

import (
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Checks are the checks of this room.
func Checks() []judge.Check {
	return []judge.Check{
		openRecursion(),
		upwardReferral(),
		ednsMishandled(),
		caseMishandled(),
		typesMishandled(),
		cookiesWrong(),
		transferOpen(),
		versionTold(),
		questionsMishandled(),
		amplifies(),
		largeAnswersLost(),
		instanceUntold(),
		encryptionUneven(),
	}
}

// said is a server's reply for a purpose, where it can be read and is whole: a
// question that is sent once is not put again over TCP where it is truncated.
func said(c *judge.Case, server holdfast.Server, purpose holdfast.Purpose) (judge.Reply, bool) {
	r, asked := c.At(server, purpose)
	return r, asked && r.Message != nil && !r.Message.Truncated
}

// plain is the server's answer to the plain question for the SOA, false where
// there is none that is as it must be.
func plain(c *judge.Case, server holdfast.Server) (judge.Reply, bool) {
	r, ok := said(c, server, holdfast.PurposeSOA)
	return r, ok && answersSOA(c, r)
}

// answersSOA says whether the reply is without error and has the zone's SOA.
func answersSOA(c *judge.Case, r judge.Reply) bool {
	return r.Message != nil && r.Message.Rcode == wire.NoError && c.Answer(r, c.Zone, wire.TypeSOA) != nil
}

// apexReplies are what a server said about other types of the apex.
func apexReplies(c *judge.Case, server holdfast.Server) []judge.Reply {
	return slices.DeleteFunc(c.Replies(c.Zone, holdfast.PurposeApex), func(r judge.Reply) bool {
		return r.Exchange.Server != server || r.Message == nil || r.Message.Truncated
	})
}

// rolled says a thing of the zone where it is true of all servers that could
// have shown it, more than one, and of all in the same words.
func rolled(each []holdfast.Finding, of int, all holdfast.Severity) []holdfast.Finding {
	if len(each) < 2 {
		return each
	}
	text := each[0].Text
	for _, f := range each {
		if f.Text != text {
			return each
		}
	}
	return judge.Spread(each, of, all, "every server that answered "+text)
}

// and writes phrases for people: "a, b and c".
func and(phrases []string) string {
	last := len(phrases) - 1
	if last < 1 {
		return strings.Join(phrases, "")
	}
	return strings.Join(phrases[:last], ", ") + " and " + phrases[last]
}

// hasSOA says whether an SOA stands in the reply's authority section, and
// whose.
func hasSOA(c *judge.Case, r judge.Reply) (owner holdfast.Name, ok bool) {
	for _, set := range c.Sets(r).Authority {
		if set.Type == wire.TypeSOA {
			return set.Name, true
		}
	}
	return "", false
}
