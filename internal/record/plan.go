package record

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
)

// A plan is the part of a measurement that stays while nothing changes in the
// roster and among the name servers: of whom what is asked, and why, in the
// order in which the instrument lists it. It is stored once, as long as that
// order does not hang on which answer came first; the walk's does not.
//
// The names asked for in PurposeNXDomain, PurposeNXDeep and PurposeSample are
// drawn anew for each sweep; they are kept with the look, and the plan holds
// only which of the look's names it is.
type plan struct {
	Vantage string
	Depth   holdfast.Depth
	Subject holdfast.Subject
	places  []place
}

// place is one exchange of a plan.
type place struct {
	zone    holdfast.Name
	purpose holdfast.Purpose
	server  holdfast.Server
	qtype   uint16
	name    holdfast.Name // of the question; "" where drawn is set
	drawn   int           // 1 + index among the look's names; 0: name is fixed
}

const planForm = 1 // first octet of an encoded plan

// planOf splits the plan off a measurement. drawn are the names that belong to
// the look.
func planOf(m holdfast.Measurement) (p plan, drawn []holdfast.Name) {
	p = plan{Vantage: m.Vantage, Depth: m.Depth, Subject: m.Subject, places: make([]place, len(m.Exchanges))}
	for k := range m.Exchanges {
		e := &m.Exchanges[k]
		p.places[k] = place{zone: e.Zone, purpose: e.Purpose, server: e.Server, qtype: e.Question.Type, name: e.Question.Name}
		switch e.Purpose {
		case holdfast.PurposeNXDomain, holdfast.PurposeNXDeep, holdfast.PurposeSample:
		default:
			continue
		}
		n := slices.Index(drawn, e.Question.Name)
		if n < 0 {
			n = len(drawn)
			drawn = append(drawn, e.Question.Name)
		}
		p.places[k].name, p.places[k].drawn = "", n+1
	}
	return p, drawn
}

// encode is deterministic: equal plans give equal bytes.
func (p plan) encode() ([]byte, error) {
	subject, err := json.Marshal(p.Subject)
	if err != nil {
		return nil, fmt.Errorf("encode subject: %w", err)
	}
	out := []byte{planForm}
	out = appendBytes(out, p.Vantage)
	out = appendBytes(out, string(p.Depth))
	out = appendBytes(out, subject)
	var words, servers table
	columns := make([]int, 0, 6*len(p.places))
	for _, at := range p.places {
		columns = append(columns, words.number(string(at.zone)), words.number(string(at.purpose)),
			servers.number(serverKey(&words, at.server)), int(at.qtype), words.number(string(at.name)), at.drawn)
	}
	out = words.append(out)
	out = servers.append(out)
	out = appendCount(out, len(p.places))
	// Column by column: each is nearly constant and compresses to little.
	for column := range 6 {
		for k := range p.places {
			out = appendCount(out, columns[6*k+column])
		}
	}
	return out, nil
}

func serverKey(words *table, s holdfast.Server) string {
	address, _ := s.Address.MarshalBinary() // never fails
	return string(append(appendCount(nil, words.number(string(s.Name))), address...))
}

func decodePlan(data []byte) (plan, error) {
	r := &reader{data: data}
	if form := r.byte(); form != planForm {
		return plan{}, fmt.Errorf("decode plan: %w: unknown form %d", errDamaged, form)
	}
	p := plan{Vantage: string(r.bytes()), Depth: holdfast.Depth(r.bytes())}
	subject := r.bytes()
	if r.err == nil {
		if err := json.Unmarshal(subject, &p.Subject); err != nil {
			return plan{}, fmt.Errorf("decode plan: %w: %w", errDamaged, err)
		}
	}
	words := r.table()
	servers := r.servers(words)
	p.places = make([]place, r.count(maxExchanges))
	each := func(set func(at *place)) {
		for k := range p.places {
			set(&p.places[k])
		}
	}
	each(func(at *place) { at.zone = holdfast.Name(r.word(words)) })
	each(func(at *place) { at.purpose = holdfast.Purpose(r.word(words)) })
	each(func(at *place) {
		if n := r.index(len(servers)); r.err == nil {
			at.server = servers[n]
		}
	})
	each(func(at *place) { at.qtype = uint16(r.index(1 << 16)) })
	each(func(at *place) { at.name = holdfast.Name(r.word(words)) })
	each(func(at *place) { at.drawn = r.index(maxExchanges) })
	if err := r.end(); err != nil {
		return plan{}, fmt.Errorf("decode plan: %w", err)
	}
	return p, nil
}

// word reads an index into words and answers the word.
func (r *reader) word(words []string) string {
	n := r.index(len(words))
	if r.err != nil {
		return ""
	}
	return words[n]
}

// servers undoes the table of serverKey's.
func (r *reader) servers(words []string) []holdfast.Server {
	keys := r.table()
	servers := make([]holdfast.Server, len(keys))
	for i, key := range keys {
		sub := &reader{data: []byte(key)}
		servers[i].Name = holdfast.Name(sub.word(words))
		if sub.err != nil || servers[i].Address.UnmarshalBinary(sub.data) != nil {
			r.fail("a server is not one")
			return nil
		}
	}
	return servers
}

// question is what was asked at a place, given the look's names.
func (at place) question(drawn []holdfast.Name) (holdfast.Question, error) {
	q := holdfast.Question{Name: at.name, Type: at.qtype}
	if at.drawn > 0 {
		if at.drawn > len(drawn) {
			return q, fmt.Errorf("decode plan: %w: the look lacks a name", errDamaged)
		}
		q.Name = drawn[at.drawn-1]
	}
	return q, nil
}
