package record

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
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

// group answers the servers that showed each window, as JSON in a fixed order.
func group(windows []holdfast.Window) (map[spanKey]string, error) {
	servers := map[spanKey][]holdfast.Server{}
	for _, w := range windows {
		servers[spanKeyOf(w)] = append(servers[spanKeyOf(w)], w.Server)
	}
	out := make(map[spanKey]string, len(servers))
	for key, of := range servers {
		slices.SortFunc(of, compareServers)
		text, err := json.Marshal(slices.Compact(of))
		if err != nil {
			return nil, fmt.Errorf("encode servers: %w", err)
		}
		out[key] = string(text)
	}
	return out, nil
}

func compareServers(a, b holdfast.Server) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Address.Compare(b.Address))
}

// saveSpans ends the spans of the status before that the verdict does not show
// alike, and begins those that are new in it.
func (b *batch) saveSpans(zone int64, before *ZoneStatus, v holdfast.Verdict) error {
	is, err := group(v.Windows)
	if err != nil {
		return err
	}
	var was map[spanKey]string
	if before != nil {
		if was, err = group(before.Verdict.Windows); err != nil {
			return err
		}
	}
	for key, servers := range was {
		if is[key] == servers {
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
		if was[key] == servers {
			continue
		}
		group, err := b.serverGroup(servers)
		if err != nil {
			return err
		}
		err = b.exec(`INSERT INTO span (zone, servers, class, inception, expiration, key_tag, algorithm, signer, ttl, first_seen)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			zone, group, string(key.class), key.inception, key.expiration, key.keyTag, key.algorithm, string(key.signer), key.ttl, nanos(v.At))
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) serverGroup(servers string) (int64, error) {
	if err := b.exec("INSERT INTO server_group (servers) VALUES (?) ON CONFLICT DO NOTHING", servers); err != nil {
		return 0, err
	}
	var key int64
	err := b.get("SELECT key FROM server_group WHERE servers = ?", []any{servers}, &key)
	return key, err
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
	rows, err := r.reads.QueryContext(ctx, `SELECT class, inception, expiration, key_tag, algorithm, signer, ttl, first_seen, last_seen, server_group.servers
		FROM span JOIN server_group ON server_group.key = span.servers
		WHERE zone = (SELECT key FROM zone WHERE name = ?) AND (last_seen IS NULL OR last_seen >= ?) ORDER BY first_seen DESC LIMIT ?`,
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
		var servers []byte
		if err := rows.Scan(&key.class, &key.inception, &key.expiration, &key.keyTag, &key.algorithm, &key.signer, &key.ttl, &firstSeen, &lastSeen, &servers); err != nil {
			return nil, err
		}
		var of []holdfast.Server
		if err := json.Unmarshal(servers, &of); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		span := WindowSpan{FirstSeen: instant(firstSeen), LastSeen: status.Verdict.At}
		if lastSeen.Valid {
			span.LastSeen = instant(lastSeen.Int64)
		} else if span.LastSeen.Before(span.FirstSeen) { // begun since the status was read
			span.LastSeen = span.FirstSeen
		}
		for _, server := range of {
			span.Window = key.window(server)
			out = append(out, span)
		}
	}
	return join(out), rows.Err()
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
