package rehearsal

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// roomToHear is how many questions may wait to be heard.
const roomToHear = 1 << 14

// optionKeyTag is the EDNS option by which a validator names the keys that it
// trusts (RFC 8145 section 4).
const optionKeyTag = 14

// ear hears what reaches the root's server.
type ear struct {
	stage *stage
	tap   *lab.Tap
	names map[netip.Addr]string
	done  chan struct{}
	once  sync.Once
	count map[string][]holdfast.QueryCount // by actor, one a step; run owns it until done
}

func (s *stage) listen() *ear {
	e := &ear{stage: s, tap: s.internet.Tap(roomToHear), names: map[netip.Addr]string{}, done: make(chan struct{}), count: map[string][]holdfast.QueryCount{}}
	for _, a := range s.actors {
		e.names[a.resolver.Server.Address] = a.who.Name
		for i, step := range s.set.Play.Steps {
			end := s.set.Play.Length
			if i+1 < len(s.set.Play.Steps) {
				end = s.set.Play.Steps[i+1].At
			}
			e.count[a.who.Name] = append(e.count[a.who.Name], holdfast.QueryCount{Actor: a.who.Name, Step: step.Name, Seconds: (end - step.At).Seconds()})
		}
	}
	go e.run()
	return e
}

func (e *ear) close() {
	e.once.Do(e.tap.Close)
	<-e.done
}

func (e *ear) run() {
	defer close(e.done)
	for h := range e.tap.Questions {
		name, known := e.names[h.From.Addr()]
		if known && h.Server == rootAddress {
			e.hear(name, h.At.Sub(e.stage.begin), h.Packet)
		}
	}
}

func (e *ear) hear(actor string, after time.Duration, packet []byte) {
	m, err := wire.Parse(packet)
	if err != nil || len(m.Question) == 0 {
		return
	}
	q := m.Question[0]
	if n := e.stage.step(after); n >= 0 {
		count := &e.count[actor][n]
		count.All++
		if q.Name == holdfast.Root && q.Type == uint16(wire.TypeDNSKEY) {
			count.Keys++
		}
	}
	signal := holdfast.SignalSample{After: after, Actor: actor, Name: q.Name, Type: q.Type}
	if _, tags, ok := holdfast.ReadKeySignal(q.Name); ok {
		signal.Tags = tags
		e.put(signal)
	}
	if opt, ok := wire.ReadOPT(packet); ok {
		if data, ok := opt.Option(optionKeyTag); ok && len(data)%2 == 0 {
			signal.Name, signal.Tags = holdfast.Root, nil
			for ; len(data) > 0; data = data[2:] {
				signal.Tags = append(signal.Tags, binary.BigEndian.Uint16(data))
			}
			e.put(signal)
		}
	}
}

func (e *ear) put(s holdfast.SignalSample) {
	e.stage.rec.putOnce(fmt.Sprint("signal ", s.Actor, s.Name == holdfast.Root), fmt.Sprint(s.Name, s.Type, s.Tags), s.After, line{Signal: &s})
}

// counts are in the order of actors and steps. The ear is closed.
func (e *ear) counts() []holdfast.QueryCount {
	var out []holdfast.QueryCount
	for _, a := range e.stage.actors {
		out = append(out, e.count[a.who.Name]...)
	}
	return out
}
