package walk

import (
	"math/rand/v2"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// deepProbe is a name two labels below one that nobody has. The label changes
// with the sweep over the whole alphabet, so that the spans of the zone that
// deny it are other ones each time.
func deepProbe(sweep string, zone holdfast.Name) holdfast.Name {
	label := make([]byte, 12)
	dice := rand.New(rand.NewPCG(fingerprint(sweep), fingerprint(string(zone))))
	for i := range label {
		label[i] = 'a' + byte(dice.IntN(26))
	}
	return under("a.b."+string(label), zone)
}

// under is the name with labels put in front of it.
func under(labels string, zone holdfast.Name) holdfast.Name {
	if zone == holdfast.Root {
		return holdfast.Name(labels + ".")
	}
	return holdfast.Name(labels + "." + string(zone))
}

// denial is a server's answer to the deep probe, which names two names of the
// zone where it denies with NSEC.
type denial struct {
	server  holdfast.Server
	message *wire.Message
}

func (l *look) denied(server holdfast.Server, m *wire.Message) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.denial == nil || compareServers(server, l.denial.server) < 0 {
		l.denial = &denial{server, m}
	}
}

// samples ask for the DS of names below the zone, each of another of the
// servers that have answered.
func (l *look) samples() (questions []ask.Question) {
	l.mutex.Lock()
	denial, servers := l.denial, slices.Clone(l.alive)
	l.mutex.Unlock()
	wanted := l.config().Samples
	if wanted < 0 || denial == nil || len(servers) == 0 {
		return nil
	}
	names := lots(l, "sample", l.children(denial.message), func(name holdfast.Name) string { return string(name) })
	// Names that were asked for by hand come first, whatever the lot says.
	slices.SortStableFunc(names, func(a, b holdfast.Name) int { return l.byHand(b) - l.byHand(a) })
	names = names[:min(wanted, len(names))]
	// The n-th of the names in order is asked of the n-th server, other names
	// of the same: the plan of a look has no names in it.
	slices.Sort(names)
	servers = serverLots(l, "sample "+string(l.zone), servers)
	for i, name := range names {
		questions = append(questions, ask.Question{Zone: l.zone, Purpose: holdfast.PurposeSample, Server: servers[i%len(servers)],
			Question: holdfast.Question{Name: name, Type: uint16(wire.TypeDS)}})
	}
	return questions
}

func (l *look) byHand(name holdfast.Name) int {
	if slices.Contains(l.config().Sample, name) {
		return 1
	}
	return 0
}

// children are names one label below the zone, and those that the
// configuration has, sorted: from the zone's NS names, and from an NSEC.
func (l *look) children(denial *wire.Message) []holdfast.Name {
	var names []holdfast.Name
	add := func(name holdfast.Name) {
		if !name.IsSubdomainOf(l.zone) {
			return
		}
		for below := l.zone.Labels() + 1; name.Labels() > below; {
			name = name.Parent()
		}
		if name != l.zone {
			names = append(names, name)
		}
	}
	l.mutex.Lock()
	for name := range l.names {
		add(name)
	}
	l.mutex.Unlock()
	for _, r := range denial.Authority {
		if nsec, err := r.NSEC(); err == nil {
			add(r.Name)
			add(nsec.Next)
		}
	}
	for _, name := range l.config().Sample {
		if name.IsSubdomainOf(l.zone) && name != l.zone {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
