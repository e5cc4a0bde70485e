package record

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// A span is a signature window and the servers that showed it, from first to
// last seen. As with intervals, it is written when it begins and when it ends:
// while it lasts, the latest verdict says that it does. A zone that is signed
// anew every few minutes makes a span each time, so one row speaks for all
// servers that showed the same.

// spanKey is a window without its server: comparable, and as stored.
type spanKey struct {
	class                 holdfast.Class
	inception, expiration int64 // seconds since 1970
	keyTag                uint16
	algorithm             uint8
	signer                holdfast.Name
	ttl                   uint32
}

func spanKeyOf(w holdfast.Window) spanKey {
	return spanKey{w.Class, seconds(w.Inception), seconds(w.Expiration), w.KeyTag, w.Algorithm, w.Signer, w.TTL}
}

// window is the window of one server that showed the span.
func (k spanKey) window(s holdfast.Server) holdfast.Window {
	return holdfast.Window{Server: s, Class: k.class, Inception: fromSeconds(k.inception), Expiration: fromSeconds(k.expiration),
		KeyTag: k.keyTag, Algorithm: k.algorithm, Signer: k.signer, TTL: k.ttl}
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// group answers the servers that showed each window, in a fixed order.
func group(windows []holdfast.Window) map[spanKey][]holdfast.Server {
	out := map[spanKey][]holdfast.Server{}
	for _, w := range windows {
		out[spanKeyOf(w)] = append(out[spanKeyOf(w)], w.Server)
	}
	for key, servers := range out {
		slices.SortFunc(servers, compareServers)
		out[key] = slices.Compact(servers)
	}
	return out
}

func compareServers(a, b holdfast.Server) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
}

// saveSpans ends the spans of the status before that the verdict does not show
// alike, and begins those that are new in it.
func (b *batch) saveSpans(zone int64, before *ZoneStatus, v holdfast.Verdict) error {
	is := group(v.Windows)
	var was map[spanKey][]holdfast.Server
	if before != nil {
		was = group(before.Verdict.Windows)
	}
	for key, servers := range was {
		if slices.Equal(is[key], servers) {
			continue
		}
		err := b.exec(`UPDATE span SET last_seen = ? WHERE zone = ? AND last_seen IS NULL
			AND class = ? AND inception = ? AND expiration = ? AND key_tag = ? AND algorithm = ? AND signer = ? AND ttl = ?`,
			nanos(before.Verdict.At), zone, string(key.class), key.inception, key.expiration, key.keyTag, key.algorithm, string(key.signer), key.ttl)
		if err != nil {
			return err
		}
	}
	for key, servers := range is {
		if slices.Equal(was[key], servers) {
			continue
		}
		keys, err := b.servers(servers)
		if err != nil {
			return err
		}
		err = b.exec(`INSERT INTO span (zone, servers, class, inception, expiration, key_tag, algorithm, signer, ttl, first_seen)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			zone, encodeRuns(keys), string(key.class), key.inception, key.expiration, key.keyTag, key.algorithm, string(key.signer), key.ttl, nanos(v.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// servers answers the keys of servers, made where they are new. Servers are few
// and are never taken away.
func (b *batch) servers(servers []holdfast.Server) ([]int64, error) {
	keys := make([]int64, len(servers))
	for i, s := range servers {
		address, _ := s.Address.MarshalBinary() // never fails
		err := b.get("SELECT key FROM server WHERE name = ? AND address = ?", []any{string(s.Name), address}, &keys[i])
		if errors.Is(err, ErrNotFound) {
			keys[i], err = b.add("INSERT INTO server (name, address) VALUES (?, ?)", string(s.Name), address)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// encodeRuns writes sorted keys as runs: how far from the end of the one before
// it each begins, and how many keys it has. The servers of a zone are one.
func encodeRuns(keys []int64) []byte {
	out := []byte{}
	last := int64(0)
	for i := 0; i < len(keys); {
		n := 1
		for i+n < len(keys) && keys[i+n] == keys[i]+int64(n) {
			n++
		}
		out = appendCount(appendSigned(out, keys[i]-last), n)
		last = keys[i] + int64(n)
		i += n
	}
	return out
}

func decodeRuns(data []byte) ([]int64, error) {
	r := &reader{data: data}
	var keys []int64
	last := int64(0)
	for r.err == nil && len(r.data) > 0 {
		last += r.signed()
		n := r.index(maxExchanges)
		if len(keys)+n > maxExchanges {
			r.fail("a group of too many servers")
			break
		}
		for range n {
			keys = append(keys, last)
			last++
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("decode servers: %w", r.err)
	}
	return keys, nil
}

// WindowHistory answers the signature windows of a zone over time, by server
// and class and oldest first: those that last, and those last seen at or after
// since. At most 100,000 are answered.
func (r *Record) WindowHistory(ctx context.Context, zone holdfast.Name, since time.Time) ([]WindowSpan, error) {
	out, err := r.windowHistory(ctx, zone, since)
	return out, r.failed("read signature windows of "+zone.Short(), err)
}

func (r *Record) windowHistory(ctx context.Context, zone holdfast.Name, since time.Time) ([]WindowSpan, error) {
	status, err := r.Status(ctx, zone)
	if err != nil {
		return nil, err
	}
	servers, err := r.allServers(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.reads.QueryContext(ctx, `SELECT class, inception, expiration, key_tag, algorithm, signer, ttl, first_seen, last_seen, servers
		FROM span WHERE zone = (SELECT key FROM zone WHERE name = ?) AND (last_seen IS NULL OR last_seen >= ?) ORDER BY first_seen DESC LIMIT ?`,
		string(zone), nanos(since), historyLimit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []WindowSpan
	for rows.Next() && len(out) < historyLimit {
		var key spanKey
		var firstSeen int64
		var lastSeen sql.NullInt64
		var group []byte
		if err := rows.Scan(&key.class, &key.inception, &key.expiration, &key.keyTag, &key.algorithm, &key.signer, &key.ttl, &firstSeen, &lastSeen, &group); err != nil {
			return nil, err
		}
		of, err := decodeRuns(group)
		if err != nil {
			return nil, err
		}
		span := WindowSpan{FirstSeen: instant(firstSeen), LastSeen: status.Verdict.At}
		if lastSeen.Valid {
			span.LastSeen = instant(lastSeen.Int64)
		} else if span.LastSeen.Before(span.FirstSeen) { // begun since the status was read
			span.LastSeen = span.FirstSeen
		}
		for _, server := range of {
			span.Window = key.window(servers[server])
			out = append(out, span)
		}
	}
	return join(out), rows.Err()
}

// allServers reads every server that ever showed a window: as many as the name
// servers of the zones under watch have addresses.
func (r *Record) allServers(ctx context.Context) (map[int64]holdfast.Server, error) {
	rows, err := r.reads.QueryContext(ctx, "SELECT key, name, address FROM server")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	servers := map[int64]holdfast.Server{}
	for rows.Next() {
		var key int64
		var s holdfast.Server
		var address []byte
		if err := rows.Scan(&key, &s.Name, &address); err != nil {
			return nil, err
		}
		if err := s.Address.UnmarshalBinary(address); err != nil {
			return nil, fmt.Errorf("server %s: %w: %w", s.Name, errDamaged, err)
		}
		servers[key] = s
	}
	return servers, rows.Err()
}

// join sorts spans by server, class and time, and makes one of those that
// follow each other with the same window: they were cut where other servers
// left the group or joined it.
func join(spans []WindowSpan) []WindowSpan {
	slices.SortFunc(spans, func(a, b WindowSpan) int {
		return cmp.Or(compareServers(a.Window.Server, b.Window.Server), cmp.Compare(a.Window.Class, b.Window.Class),
			a.FirstSeen.Compare(b.FirstSeen), a.LastSeen.Compare(b.LastSeen))
	})
	var out []WindowSpan
	for _, span := range spans {
		if n := len(out); n > 0 && out[n-1].Window == span.Window {
			out[n-1].LastSeen = span.LastSeen
			continue
		}
		out = append(out, span)
	}
	return out
}
