package resolve

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/wire"
)

const (
	// few is how many servers of a zone are asked at once. A resolver asks
	// one, and another where that one's answer does not validate; what does
	// not validate is not ours to say, so some are asked from the start.
	few = 3
	// maxTried bounds how many are asked until one gives a reply of use.
	maxTried = 12
	// grace is how long the others are waited for once one has given such a
	// reply: a dead server costs seconds.
	grace = time.Second
)

// put asks servers of a zone one question and gives their messages, nil where
// none came. All of them are asked, or some, and others after them until one
// reply is good.
func (t *trip) put(at *cut, purpose holdfast.Purpose, q holdfast.Question, servers []holdfast.Server, good func(*wire.Message) bool) []*wire.Message {
	servers = spread(servers, q, at.zone)
	if len(servers) > maxServers {
		servers = servers[:maxServers]
		t.bound()
	}
	if t.config.EveryServer {
		return t.round(at, purpose, q, servers, nil)
	}
	var out []*wire.Message
	servers = servers[:min(len(servers), maxTried)]
	for len(servers) > 0 && t.ctx.Err() == nil {
		n := min(few, len(servers))
		out = append(out, t.round(at, purpose, q, servers[:n], good)...)
		if first(out, good) != nil {
			break
		}
		servers = servers[n:]
	}
	return out
}

// round asks servers at the same time. With good given, those who have not
// answered are given up a while after the first good reply.
func (t *trip) round(at *cut, purpose holdfast.Purpose, q holdfast.Question, servers []holdfast.Server, good func(*wire.Message) bool) []*wire.Message {
	if t.asked += len(servers); t.asked > maxQuestions {
		t.bound()
		return nil
	}
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	exchanges, messages := make([]holdfast.Exchange, len(servers)), make([]*wire.Message, len(servers))
	var work sync.WaitGroup
	var once sync.Once
	for i, s := range servers {
		work.Go(func() {
			e := t.asker.Ask(ctx, ask.Question{Zone: at.zone, Purpose: purpose, Server: s, Question: q})
			exchanges[i], messages[i] = e, read(e)
			if good != nil && messages[i] != nil && good(messages[i]) {
				once.Do(func() { time.AfterFunc(grace, cancel) })
			}
		})
	}
	work.Wait()
	t.keep(exchanges)
	return messages
}

// keep takes exchanges into the evidence, those not asked left out.
func (t *trip) keep(exchanges []holdfast.Exchange) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, e := range exchanges {
		if e.Outcome != holdfast.NotAsked {
			t.exchanges = append(t.exchanges, e)
		} else if e.Detail != "" {
			t.obstacle = e.Detail
		}
	}
}

// spread orders servers by the question: the same question finds the same ones
// each time, so that what was seen can be seen again, and different names do
// not all fall upon the first. Of one name the addresses come one after the
// other, after those of other names.
func spread(servers []holdfast.Server, q holdfast.Question, zone holdfast.Name) []holdfast.Server {
	turn := make(map[holdfast.Server]int, len(servers))
	count := make(map[holdfast.Name]int)
	for _, s := range servers {
		turn[s] = count[s.Name]
		count[s.Name]++
	}
	out := slices.Clone(servers)
	slices.SortStableFunc(out, func(a, b holdfast.Server) int {
		return cmp.Or(
			cmp.Compare(turn[a], turn[b]),
			cmp.Compare(fingerprint(q.Name, zone, a.Name), fingerprint(q.Name, zone, b.Name)),
			compareServers(a, b),
		)
	})
	return out
}

// fingerprint is FNV-1a, 32 bits.
func fingerprint(parts ...holdfast.Name) uint32 {
	h := uint32(2166136261)
	for _, part := range parts {
		for i := range len(part) {
			h = (h ^ uint32(part[i])) * 16777619
		}
	}
	return h
}

func compareServers(a, b holdfast.Server) int {
	return cmp.Or(strings.Compare(string(a.Name), string(b.Name)), a.Address.Compare(b.Address))
}
