package record

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Decide records what alerting made of a look: incidents, new or changed, and
// the notices that tell of them. All of it is recorded or nothing, so that no
// incident stands untold and no notice speaks of what is not recorded. A
// notice that is recorded already is left as it stands: deciding the same
// again, after a crash, sends nothing twice.
func (r *Record) Decide(ctx context.Context, incidents []holdfast.Incident, notices []holdfast.Notice) error {
	if len(incidents) == 0 && len(notices) == 0 {
		return nil
	}
	act := fmt.Sprintf("record %d incidents and %d notices", len(incidents), len(notices))
	return r.write(ctx, act, func(b *batch) error {
		for i := range incidents {
			if err := b.saveIncident(&incidents[i]); err != nil {
				return fmt.Errorf("incident %s: %w", incidents[i].ID, err)
			}
		}
		for i := range notices {
			if err := b.addNotice(&notices[i]); err != nil {
				return fmt.Errorf("notice %s: %w", notices[i].ID, err)
			}
		}
		return nil
	})
}

func (b *batch) saveIncident(i *holdfast.Incident) error {
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	err = b.exec(`INSERT INTO incident (id, state, severity, opened, updated, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity, opened = excluded.opened, updated = excluded.updated, data = excluded.data`,
		i.ID, string(i.State), int(i.Severity), nanos(i.Opened), nanos(i.Updated), string(data))
	if err != nil {
		return err
	}
	if err := b.exec("DELETE FROM incident_zone WHERE incident = ?", i.ID); err != nil {
		return err
	}
	for _, zone := range i.Zones {
		if err := b.exec("INSERT INTO incident_zone (zone, incident) VALUES (?, ?) ON CONFLICT DO NOTHING", string(zone), i.ID); err != nil {
			return err
		}
	}
	if err := b.exec("DELETE FROM incident_evidence WHERE incident = ?", i.ID); err != nil {
		return err
	}
	for _, f := range i.Findings {
		if err := b.exec("INSERT INTO incident_evidence (measurement, incident) VALUES (?, ?) ON CONFLICT DO NOTHING", packID(f.Measurement), i.ID); err != nil {
			return err
		}
	}
	return nil
}

// Incidents answers the incidents that a filter chooses, the most severe first
// and among those the latest opened.
func (r *Record) Incidents(ctx context.Context, f IncidentFilter) ([]holdfast.Incident, error) {
	var where conditions
	where.in("state", texts(f.States))
	if f.Zone != "" {
		where.add("id IN (SELECT incident FROM incident_zone WHERE zone = ?)", string(f.Zone))
	}
	if !f.Since.IsZero() {
		where.add("updated >= ?", nanos(f.Since))
	}
	incidents, err := list[holdfast.Incident](ctx, r,
		"SELECT data FROM incident"+where.text()+" ORDER BY severity DESC, opened DESC, id DESC LIMIT ?",
		append(where.args, limited(f.Limit))...)
	return incidents, r.failed("read incidents", err)
}

// Incident answers one incident; ErrNotFound where there is none of that id.
func (r *Record) Incident(ctx context.Context, id string) (holdfast.Incident, error) {
	incident, err := one[holdfast.Incident](ctx, r, "SELECT data FROM incident WHERE id = ?", id)
	return incident, r.failed("read incident "+id, err)
}

// conditions gathers the WHERE of a query.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

// in restricts a column to values; none do not restrict.
func (c *conditions) in(column string, values []any) {
	if len(values) > 0 {
		c.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
}

func (c *conditions) text() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

func texts[T ~string](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
