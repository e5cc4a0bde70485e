package judge

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// RRset is the records of one name and type in a section of a message, with
// the signatures that cover them there.
type RRset struct {
	Name    holdfast.Name
	Type    wire.Type
	TTL     uint32 // the lowest of its records' (RFC 2181 section 5.2 wants them equal)
	Records []wire.Record
	RRSIGs  []RRSIG
	// Unreadable counts RRSIG records over it whose data cannot be read.
	Unreadable int
}

// RRSIG is a signature as it came, with the TTL of its record.
type RRSIG struct {
	wire.RRSIG
	TTL uint32
}

// Sets are the RRsets of a message, by section, in order of appearance.
type Sets struct {
	Answer, Authority, Additional []*RRset
}

// Sets groups the records of a reply into RRsets, once a message. It is empty,
// never nil, where there is no message.
func (c *Case) Sets(r Reply) *Sets {
	if r.Message == nil {
		return &Sets{}
	}
	if s, ok := c.sets[r.Message]; ok {
		return s
	}
	s := &Sets{
		Answer:     group(r.Message.Answer),
		Authority:  group(r.Message.Authority),
		Additional: group(r.Message.Additional),
	}
	c.sets[r.Message] = s
	return s
}

// Answer is the RRset of a name and type in the reply's answer section, nil
// where it holds none.
func (c *Case) Answer(r Reply, name holdfast.Name, t wire.Type) *RRset {
	return Find(c.Sets(r).Answer, name, t)
}

// Authority is the RRset of a name and type in the reply's authority section.
func (c *Case) Authority(r Reply, name holdfast.Name, t wire.Type) *RRset {
	return Find(c.Sets(r).Authority, name, t)
}

// Find is the RRset of a name and type among sets, nil where there is none.
func Find(sets []*RRset, name holdfast.Name, t wire.Type) *RRset {
	for _, s := range sets {
		if s.Name == name && s.Type == t {
			return s
		}
	}
	return nil
}

// group makes RRsets of the records of a section; signatures join the set that
// they cover. A signature over a set that is not there is left out: it signs
// nothing that was sent.
func group(records []wire.Record) []*RRset {
	type key struct {
		name holdfast.Name
		t    wire.Type
	}
	var out []*RRset
	at := make(map[key]*RRset, len(records))
	set := func(name holdfast.Name, t wire.Type) *RRset {
		k := key{name, t}
		s := at[k]
		if s == nil {
			s = &RRset{Name: name, Type: t}
			at[k] = s
			out = append(out, s)
		}
		return s
	}
	for _, r := range records {
		if r.Class != wire.ClassIN {
			continue
		}
		if r.Type != wire.TypeRRSIG {
			s := set(r.Name, r.Type)
			if len(s.Records) == 0 || r.TTL < s.TTL {
				s.TTL = r.TTL
			}
			s.Records = append(s.Records, r)
			continue
		}
		sig, err := r.RRSIG()
		if err != nil {
			if len(r.Data) >= 2 {
				set(r.Name, wire.Type(uint16(r.Data[0])<<8|uint16(r.Data[1]))).Unreadable++
			}
			continue
		}
		s := set(r.Name, sig.Covered)
		s.RRSIGs = append(s.RRSIGs, RRSIG{RRSIG: sig, TTL: r.TTL})
	}
	kept := out[:0]
	for _, s := range out {
		if len(s.Records) > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}
