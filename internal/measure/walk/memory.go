package walk

import (
	"slices"
	"strings"
	"sync"

	"github.com/holdfastdns/holdfast"
)

// memory is which servers each zone had at the last full look.
type memory struct {
	mutex sync.Mutex
	zones map[holdfast.Name][]holdfast.Server // owned by mutex
}

// Remember takes the servers of a zone from a full measurement of it, for
// looks of core depth to come. Measure does so by itself; a program that
// starts calls it with what its record holds, so that its first core looks
// need no walk. A measurement that was cut takes nothing away from what is
// known.
func (w *Walker) Remember(m holdfast.Measurement) {
	var servers []holdfast.Server
	for _, e := range m.Exchanges {
		if e.Zone == m.Subject.Zone && e.Purpose == holdfast.PurposeSOA {
			servers = append(servers, e.Server)
		}
	}
	if len(servers) == 0 {
		return
	}
	w.memory.mutex.Lock()
	defer w.memory.mutex.Unlock()
	if m.Cut {
		servers = append(servers, w.memory.zones[m.Subject.Zone]...)
	}
	if w.memory.zones == nil {
		w.memory.zones = make(map[holdfast.Name][]holdfast.Server)
	}
	w.memory.zones[m.Subject.Zone] = ordered(servers)
}

// servers are all that is known of the zone's, from memory and from the
// roster's glue, of the families that are asked.
func (m *memory) servers(subject holdfast.Subject, c Config) []holdfast.Server {
	m.mutex.Lock()
	known := slices.Clone(m.zones[subject.Zone])
	m.mutex.Unlock()
	if subject.Zone == holdfast.Root {
		known = append(known, c.Roots...)
	}
	if d := subject.Delegation; d != nil {
		for _, name := range d.NS {
			for _, addr := range d.Glue[name] {
				known = append(known, holdfast.Server{Name: name, Address: addr.Unmap()})
			}
		}
	}
	return slices.DeleteFunc(ordered(known), func(s holdfast.Server) bool { return !c.wants(s.Address) })
}

func ordered(servers []holdfast.Server) []holdfast.Server {
	slices.SortFunc(servers, compareServers)
	return slices.Compact(servers)
}

func compareServers(a, b holdfast.Server) int {
	if c := strings.Compare(string(a.Name), string(b.Name)); c != 0 {
		return c
	}
	return a.Address.Compare(b.Address)
}
