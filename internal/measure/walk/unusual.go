package walk

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// What is unusual about the questions that find out how a server behaves.
const (
	// ForeignName is one that no server has: nothing can be delegated below
	// "invalid" (RFC 6761 section 6.4). A server of the root denies it with
	// authority, a well-kept server of anything else turns it away, and nobody
	// but an open resolver asks a third party about it.
	ForeignName holdfast.Name = "holdfast-probe.invalid."
	// UnknownOption is an EDNS option for local use, which nobody has met (RFC
	// 6891 section 9).
	UnknownOption uint16 = 65313
	// UnknownFlag is a flag of EDNS that nobody has given a meaning (IANA,
	// "EDNS Header Flags").
	UnknownFlag uint16 = 0x0040
	// ClientCookie is ours to every server: eight octets (RFC 7873 section
	// 4.1). That it can be guessed does no harm, since nothing is believed for
	// its sake.
	ClientCookie = "holdfast"
	// AmplePayload is what those ask for who abuse servers as amplifiers.
	AmplePayload uint16 = 4096
)

// unusualQuestions are put to a server that has answered a plain question. One
// that is silent is not troubled with them.
func (l *look) unusualQuestions(s holdfast.Server) []ask.Question {
	version := l.bent(s, holdfast.PurposeEDNSVersion, wire.Shape{Version: 1})
	questions := []ask.Question{
		l.bent(s, holdfast.PurposeManners, wire.Shape{MixedCase: true, Flags: UnknownFlag, Options: []wire.Option{
			{Code: UnknownOption, Data: []byte("?")}, {Code: wire.OptionZoneVersion},
		}}),
		version,
		l.apex(s, holdfast.PurposeApex, wire.TypeAAAA),
	}
	questions = append(questions, l.commonQuestions(s)...)
	if l.standsFor(s) {
		questions = append(questions, l.onceAName(s)...)
	}
	return questions
}

// bent is the question for the zone's SOA in an unusual shape, put once: that
// it stays unanswered says nothing.
func (l *look) bent(s holdfast.Server, purpose holdfast.Purpose, shape wire.Shape) ask.Question {
	q := l.apex(s, purpose, wire.TypeSOA)
	q.Shape, q.Once = shape, true
	return q
}

// mannersOneByOne tell which part of PurposeManners a server does not take.
func (l *look) mannersOneByOne(s holdfast.Server) []ask.Question {
	return []ask.Question{
		l.bent(s, holdfast.PurposeCase, wire.Shape{MixedCase: true}),
		l.bent(s, holdfast.PurposeEDNSOption, wire.Shape{Options: []wire.Option{{Code: UnknownOption, Data: []byte("?")}}}),
		l.bent(s, holdfast.PurposeEDNSFlag, wire.Shape{Flags: UnknownFlag}),
	}
}

// commonQuestions are about the server alone; see inCommon.
func (l *look) commonQuestions(s holdfast.Server) []ask.Question {
	about := func(purpose holdfast.Purpose, name holdfast.Name, t wire.Type, shape wire.Shape) ask.Question {
		return ask.Question{Zone: l.zone, Purpose: purpose, Server: s, Transport: holdfast.UDP, Shape: shape, Once: true,
			Question: holdfast.Question{Name: name, Type: uint16(t)}}
	}
	foreign := about(holdfast.PurposeForeign, ForeignName, wire.TypeA, wire.Shape{
		Recursion: true, Options: []wire.Option{{Code: wire.OptionCookie, Data: []byte(ClientCookie)}},
	})
	questions := []ask.Question{
		foreign,
		about(holdfast.PurposeVersion, "version.bind.", wire.TypeTXT, wire.Shape{Class: wire.ClassCH}),
		about(holdfast.PurposeIdentity, "id.server.", wire.TypeTXT, wire.Shape{Class: wire.ClassCH}),
	}
	if l.config().Encrypted {
		encrypted := foreign
		encrypted.Purpose, encrypted.Transport = holdfast.PurposeTLS, holdfast.TLS
		questions = append(questions, encrypted)
	}
	return questions
}

// onceAName are put to one address of each name server: they are about the
// software or its configuration, which addresses of one name have in common.
func (l *look) onceAName(s holdfast.Server) []ask.Question {
	all := l.apex(s, holdfast.PurposeANY, wire.TypeANY)
	all.Shape, all.Once = wire.Shape{Payload: AmplePayload}, true
	transfer := l.apex(s, holdfast.PurposeAXFR, wire.TypeAXFR)
	transfer.Transport = holdfast.TCP
	absent := l.apex(s, holdfast.PurposeNXDeep, wire.TypeA)
	absent.Question.Name = deepProbe(l.sweep.id, l.zone)
	return []ask.Question{
		all, transfer, absent,
		l.bent(s, holdfast.PurposeQDCount, wire.Shape{Second: wire.TypeNS}),
		l.apex(s, holdfast.PurposeApex, wire.TypeHTTPS),
	}
}

// standsFor says whether the server is on the lowest address that is known of
// its name: the one that is asked for all of them.
func (l *look) standsFor(s holdfast.Server) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for other := range l.servers {
		if other.Name == s.Name && other.Address.Less(s.Address) {
			return false
		}
	}
	return true
}
