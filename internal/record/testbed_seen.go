package record

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// SawTests adds sightings to those that are recorded. Of a zone at most
// limit are kept: what is new beyond that is left out, what is known goes on.
func (r *Record) SawTests(ctx context.Context, sightings []holdfast.TestSighting, limit int) error {
	return r.write(ctx, fmt.Sprintf("record %d sightings", len(sightings)), func(b *batch) error {
		for _, s := range sightings {
			if err := b.sawTest(s, limit); err != nil {
				return fmt.Errorf("of %s: %w", s.Zone, err)
			}
		}
		return nil
	})
}

func (b *batch) sawTest(s holdfast.TestSighting, limit int) error {
	key := []any{string(s.Zone), s.Source.Unmap().AsSlice(), tagsText(s.Tags), s.Label}
	n, err := b.change("UPDATE testbed_sighting SET last = max(last, ?), count = count + ? WHERE zone = ? AND source = ? AND tags = ? AND label = ?",
		append([]any{nanos(s.Last), s.Count}, key...)...)
	if err != nil || n == 1 {
		return err
	}
	return b.exec(`INSERT INTO testbed_sighting (zone, source, tags, label, first, last, count) SELECT ?, ?, ?, ?, ?, ?, ?
		WHERE EXISTS (SELECT 1 FROM testbed_zone WHERE name = ?) AND (SELECT count(*) FROM testbed_sighting WHERE zone = ?) < ?`,
		append(key, nanos(s.First), nanos(s.Last), s.Count, string(s.Zone), string(s.Zone), limit)...)
}

// TestSightings answers those of a zone, by source and time.
func (r *Record) TestSightings(ctx context.Context, zone holdfast.Name) ([]holdfast.TestSighting, error) {
	sightings, err := r.testSightings(ctx, zone)
	return sightings, r.failed("read sightings of "+zone.Short(), err)
}

func (r *Record) testSightings(ctx context.Context, zone holdfast.Name) ([]holdfast.TestSighting, error) {
	rows, err := r.reads.QueryContext(ctx, "SELECT source, tags, label, first, last, count FROM testbed_sighting WHERE zone = ? ORDER BY source, first, tags, label", string(zone))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []holdfast.TestSighting
	for rows.Next() {
		s := holdfast.TestSighting{Zone: zone}
		var source []byte
		var tags string
		var first, last int64
		if err := rows.Scan(&source, &tags, &s.Label, &first, &last, &s.Count); err != nil {
			return nil, err
		}
		var ok bool
		if s.Source, ok = netip.AddrFromSlice(source); !ok {
			return nil, fmt.Errorf("%w: an address of %d octets", errDamaged, len(source))
		}
		if s.Tags, err = readTags(tags); err != nil {
			return nil, err
		}
		s.First, s.Last = instant(first), instant(last)
		out = append(out, s)
	}
	return out, rows.Err()
}

// tagsText writes key tags as the label of a signal does (RFC 8145 section 5.1).
func tagsText(tags []uint16) string {
	parts := make([]string, len(tags))
	for n, tag := range tags {
		parts[n] = fmt.Sprintf("%04x", tag)
	}
	return strings.Join(parts, "-")
}

func readTags(text string) ([]uint16, error) {
	if text == "" {
		return nil, nil
	}
	var out []uint16
	for part := range strings.SplitSeq(text, "-") {
		tag, err := strconv.ParseUint(part, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: tags %q", errDamaged, text)
		}
		out = append(out, uint16(tag))
	}
	return out, nil
}
