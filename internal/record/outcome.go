package record

import (
	"fmt"
	"net/netip"

	"github.com/holdfastdns/holdfast"
)

// An outcome is how all exchanges of a plan ended, without what differs from
// one look to the next in any case (times, ids, tries). While nothing changes
// at the servers, look after look shares one outcome.
type outcome []ending

// ending is how one exchange of a plan ended.
type ending struct {
	transport holdfast.Transport
	outcome   holdfast.Outcome
	truncated bool
	detail    string
	from      netip.Addr
	shell     []byte // of the query, nil where there is none; see queryShell
	form      []byte // of the reply, nil where none came; see normal
	formHash  hash
	nsid      []byte
	reply     int64 // number of the message; 0 where none came. Set when stored
}

const outcomeForm = 1 // first octet of an encoded outcome

const (
	flagTruncated = 1 << iota
	flagQuery
	flagReply
	flagDetail
	flagFrom
	flagNSID
	flagsKnown = 1<<iota - 1
)

// outcomeOf splits off how the exchanges ended.
func outcomeOf(exchanges []holdfast.Exchange) (outcome, error) {
	o := make(outcome, len(exchanges))
	for k := range exchanges {
		e := &exchanges[k]
		if len(e.Query) > maxMessage || len(e.Reply) > maxMessage {
			return nil, fmt.Errorf("exchange %d has a message of more than %d octets", k, maxMessage)
		}
		end := ending{transport: e.Transport, outcome: e.Outcome, truncated: e.Truncated, detail: e.Detail, from: e.From}
		if e.Query != nil {
			end.shell = queryShell(e.Query, e.Question)
		}
		if e.Reply != nil {
			end.form, _, end.nsid = normal(e.Reply)
			end.formHash = hashOf(end.form)
		}
		o[k] = end
	}
	return o, nil
}

func (e ending) flags() int {
	flags := 0
	set := func(is bool, flag int) {
		if is {
			flags |= flag
		}
	}
	set(e.truncated, flagTruncated)
	set(e.shell != nil, flagQuery)
	set(e.form != nil || e.reply != 0, flagReply)
	set(e.detail != "", flagDetail)
	set(e.from.IsValid(), flagFrom)
	set(len(e.nsid) > 0, flagNSID)
	return flags
}

// hash names the outcome by its content, whatever numbers its messages got.
func (o outcome) hash(plan hash) hash {
	parts := [][]byte{plan[:], o.encode(func(ending) int64 { return 0 })}
	for i := range o {
		if o[i].form != nil {
			parts = append(parts, o[i].formHash[:])
		}
	}
	return hashOf(parts...)
}

// encode writes the outcome with the given numbers for its replies.
func (o outcome) encode(number func(ending) int64) []byte {
	var words table
	var columns [4][]byte // of everybody; then of those who have it
	var rest []byte
	last := int64(0)
	for _, e := range o {
		columns[0] = appendCount(columns[0], words.number(string(e.transport)))
		columns[1] = appendCount(columns[1], words.number(string(e.outcome)))
		columns[2] = appendCount(columns[2], e.flags())
		if e.form != nil || e.reply != 0 {
			n := number(e)
			columns[3] = appendSigned(columns[3], n-last)
			last = n
		}
		if e.shell != nil {
			rest = appendCount(rest, words.number(string(e.shell)))
		}
		if e.detail != "" {
			rest = appendCount(rest, words.number(e.detail))
		}
		if e.from.IsValid() {
			from, _ := e.from.MarshalBinary() // never fails
			rest = appendCount(rest, words.number(string(from)))
		}
		if len(e.nsid) > 0 {
			rest = appendCount(rest, words.number(string(e.nsid)))
		}
	}
	out := appendCount([]byte{outcomeForm}, len(o))
	out = words.append(out)
	for _, column := range columns {
		out = append(out, column...)
	}
	return append(out, rest...)
}

func decodeOutcome(data []byte) (outcome, error) {
	r := &reader{data: data}
	if form := r.byte(); form != outcomeForm {
		return nil, fmt.Errorf("decode outcome: %w: unknown form %d", errDamaged, form)
	}
	o := make(outcome, r.count(maxExchanges))
	words := r.table()
	flags := make([]int, len(o))
	for k := range o {
		o[k].transport = holdfast.Transport(r.word(words))
	}
	for k := range o {
		o[k].outcome = holdfast.Outcome(r.word(words))
	}
	for k := range o {
		flags[k] = r.index(flagsKnown + 1)
		o[k].truncated = flags[k]&flagTruncated != 0
	}
	last := int64(0)
	for k := range o {
		if flags[k]&flagReply != 0 {
			last += r.signed()
			if o[k].reply = last; last <= 0 {
				r.fail("a message has no number")
			}
		}
	}
	for k := range o {
		r.ending(&o[k], flags[k], words)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode outcome: %w", err)
	}
	return o, nil
}

// ending reads what only some exchanges have.
func (r *reader) ending(e *ending, flags int, words []string) {
	if flags&flagQuery != 0 {
		e.shell = []byte(r.word(words))
	}
	if flags&flagDetail != 0 {
		e.detail = r.word(words)
	}
	if flags&flagFrom != 0 {
		if e.from.UnmarshalBinary([]byte(r.word(words))) != nil {
			r.fail("an address is not one")
		}
	}
	if flags&flagNSID != 0 {
		e.nsid = []byte(r.word(words))
	}
}
