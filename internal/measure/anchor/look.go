package anchor

import (
	"context"
	"fmt"
	"sync"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Purpose is that of all exchanges made here.
const Purpose holdfast.Purpose = "anchor"

// Resolver is who is asked.
type Resolver struct {
	Server holdfast.Server
	Port   uint16 // 0: the asker's
}

// Names are what a resolver is asked for. An empty one is not asked.
type Names struct {
	Signed   holdfast.Name // has an address, in a signed zone
	Bogus    holdfast.Name // has one whose signature does not verify
	Unsigned holdfast.Name // has one in an insecure zone
	// Sentinel is a signed zone below which sentinel names are asked for. They
	// need not exist there: what counts is that the answer, also one that they
	// do not exist, is Secure (RFC 8509 section 3.1). The root itself will do.
	Sentinel holdfast.Name
	// Keys are those that sentinel names are asked for.
	Keys []Key
	// Root asks for the root's DNSKEY also.
	Root bool
	// Type is that of Signed, Bogus and Unsigned; 0: A. Sentinel names are asked
	// for A always.
	Type wire.Type
}

// Key is a root key, by its tag without REVOKE.
type Key struct {
	Name string // as a play calls it; empty elsewhere
	Tag  uint16
}

// SentinelName is the name that asks whether a root key is trusted (RFC 8509
// section 2): probe is ProbeIs or ProbeNot.
func SentinelName(probe holdfast.Probe, tag uint16, zone holdfast.Name) holdfast.Name {
	label := "root-key-sentinel-is-ta-"
	if probe == holdfast.ProbeNot {
		label = "root-key-sentinel-not-ta-"
	}
	name := holdfast.Name(fmt.Sprintf("%s%05d.", label, tag))
	if zone == holdfast.Root {
		return name
	}
	return name + zone
}

// Look puts all of them to a resolver at once, each a single time, and once more
// over TCP where UDP has no room. The samples are in the order of the probes,
// whatever the order of the answers; After is left to whoever knows when the play
// began. What goes wrong is in the exchanges.
func Look(ctx context.Context, asker *ask.Asker, r Resolver, names Names) []holdfast.Sample {
	samples := names.samples(r)
	questions := make([]ask.Question, len(samples))
	for i, s := range samples {
		questions[i] = r.question(s.Probe, s.Exchange)
	}
	var work sync.WaitGroup
	for i := range samples {
		work.Go(func() { samples[i].Exchange = put(ctx, asker, questions[i]) })
	}
	work.Wait()
	return samples
}

// put asks once; silence is an answer, and a cut one is asked for over TCP. A
// forwarder hands on that an answer was cut even where it is short: what it needed
// to validate it was too long (dnsmasq 2.90).
func put(ctx context.Context, asker *ask.Asker, q ask.Question) holdfast.Exchange {
	e := asker.Ask(ctx, q)
	const tc = 0x02
	if e.Outcome != holdfast.Answered || len(e.Reply) < 3 || e.Reply[2]&tc == 0 {
		return e
	}
	q.Transport = holdfast.TCP
	again := asker.Ask(ctx, q)
	again.Truncated, again.Tries = true, again.Tries+e.Tries
	return again
}

// samples are the questions, unasked.
func (n Names) samples(r Resolver) []holdfast.Sample {
	var out []holdfast.Sample
	add := func(probe holdfast.Probe, key string, name holdfast.Name, t wire.Type) {
		if name != "" {
			out = append(out, holdfast.Sample{Actor: string(r.Server.Name), Probe: probe, Key: key, Exchange: holdfast.Exchange{
				Zone: name, Server: r.Server, Question: holdfast.Question{Name: name, Type: uint16(t)},
			}})
		}
	}
	t := n.Type
	if t == 0 {
		t = wire.TypeA
	}
	add(holdfast.ProbeSigned, "", n.Signed, t)
	add(holdfast.ProbeBogus, "", n.Bogus, t)
	add(holdfast.ProbeUnsigned, "", n.Unsigned, t)
	add(holdfast.ProbeBare, "", n.Signed, t)
	if n.Root {
		add(holdfast.ProbeKeys, "", holdfast.Root, wire.TypeDNSKEY)
	}
	if n.Sentinel != "" {
		for _, key := range n.Keys {
			add(holdfast.ProbeIs, key.Name, SentinelName(holdfast.ProbeIs, key.Tag, n.Sentinel), wire.TypeA)
			add(holdfast.ProbeNot, key.Name, SentinelName(holdfast.ProbeNot, key.Tag, n.Sentinel), wire.TypeA)
		}
	}
	return out
}

// question is how a probe is put.
func (r Resolver) question(probe holdfast.Probe, e holdfast.Exchange) ask.Question {
	shape := wire.Shape{Recursion: true, Bare: true}
	switch probe {
	case holdfast.ProbeBare:
		shape.Unchecked = true
	case holdfast.ProbeKeys:
		shape.Bare = false // the signatures say who signs
	}
	return ask.Question{
		Zone: e.Zone, Purpose: Purpose, Server: r.Server, Port: r.Port, Question: e.Question,
		Shape: shape, Once: true,
	}
}

// Served asks a name server of the root for its DNSKEY, with no resolver between.
func Served(ctx context.Context, asker *ask.Asker, server Resolver) holdfast.Sample {
	return holdfast.Sample{Probe: holdfast.ProbeKeys, Exchange: asker.Ask(ctx, ask.Question{
		Zone: holdfast.Root, Purpose: holdfast.PurposeDNSKEY, Server: server.Server, Port: server.Port,
		Question: holdfast.Question{Name: holdfast.Root, Type: uint16(wire.TypeDNSKEY)},
	})}
}

// Selves asks a resolver what it says of itself, in the class of the Chaosnet:
// its version, and the trust anchors that PowerDNS Recursor tells at
// trustanchor.server.
func Selves(ctx context.Context, asker *ask.Asker, r Resolver) []holdfast.Sample {
	out := []holdfast.Sample{
		{Actor: string(r.Server.Name), Probe: holdfast.ProbeVersion, Exchange: holdfast.Exchange{Question: holdfast.Question{Name: "version.bind."}}},
		{Actor: string(r.Server.Name), Probe: holdfast.ProbeTrusted, Exchange: holdfast.Exchange{Question: holdfast.Question{Name: "trustanchor.server."}}},
	}
	var work sync.WaitGroup
	for i := range out {
		q := ask.Question{
			Zone: out[i].Exchange.Question.Name, Purpose: Purpose, Server: r.Server, Port: r.Port,
			Question: holdfast.Question{Name: out[i].Exchange.Question.Name, Type: uint16(wire.TypeTXT)},
			Shape:    wire.Shape{Class: wire.ClassCH, Recursion: true, Bare: true}, Once: true,
		}
		work.Go(func() { out[i].Exchange = asker.Ask(ctx, q) })
	}
	work.Wait()
	return out
}
