package app

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// bedZone is a test zone as `testbed zones` tells of it.
type bedZone struct {
	Zone        holdfast.Name         `json:"zone"`
	Pace        string                `json:"pace"`
	Step        holdfast.TestMove     `json:"step"` // its present one
	Next        holdfast.TestMove     `json:"next,omitempty"`
	NextAt      time.Time             `json:"next_at,omitzero"`
	Closes      time.Time             `json:"closes"`
	Subscribers int                   `json:"subscribers"`
	Unconfirmed int                   `json:"unconfirmed"`
	Sources     int                   `json:"sources"` // addresses that announced which of its keys they trust
	Results     []holdfast.TestResult `json:"results"` // without who reported them
}

// TestbedZones lists the test zones with who follows them and what was
// reported: those that are served, and with all those that have ended too.
func TestbedZones(ctx context.Context, w World, o TestbedOptions, all bool) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	r, err := openRecord(ctx, config.Database)
	if err != nil {
		return err
	}
	defer r.Close()
	now := w.Clock.Now()
	after := now
	if all {
		after = time.Time{}
	}
	zones, err := r.TestZones(ctx, after)
	if err != nil {
		return err
	}
	list := []bedZone{}
	for _, z := range zones {
		if _, begun := z.At(now); !begun {
			continue
		}
		told, err := tellBedZone(ctx, r, z, now)
		if err != nil {
			return err
		}
		list = append(list, told)
	}
	if o.JSON {
		return writeJSON(w.Stdout, list)
	}
	return writeBedZones(w, list)
}

func tellBedZone(ctx context.Context, r *record.Record, z holdfast.TestZone, now time.Time) (bedZone, error) {
	out := bedZone{Zone: z.Name, Pace: z.Pace, Closes: z.Closes(), Results: []holdfast.TestResult{}}
	step, _ := z.At(now)
	out.Step = step.Move
	if next, ok := z.After(now); ok {
		out.Next, out.NextAt = next.Move, next.At
	}
	for state, count := range map[holdfast.SubscriptionState]*int{holdfast.SubscriptionConfirmed: &out.Subscribers, holdfast.SubscriptionPending: &out.Unconfirmed} {
		subscriptions, err := r.Subscriptions(ctx, z.Name, state)
		if err != nil {
			return out, err
		}
		*count = len(subscriptions)
	}
	sightings, err := r.TestSightings(ctx, z.Name)
	if err != nil {
		return out, err
	}
	sources := map[string]bool{}
	for _, s := range sightings {
		if len(s.Tags) > 0 {
			sources[s.Source.String()] = true
		}
	}
	out.Sources = len(sources)
	results, err := r.TestResults(ctx, z.Name)
	for _, result := range results {
		result.Subscription = ""
		out.Results = append(out.Results, result)
	}
	return out, err
}

func writeBedZones(w World, zones []bedZone) error {
	if len(zones) == 0 {
		_, err := fmt.Fprintln(w.Stdout, "There are no test zones. `holdfast testbed serve` makes them.")
		return err
	}
	out := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "zone\tpace\tstep\tnext\tsubscribers\tfollowed\tdid not")
	for _, z := range zones {
		next, followed, failed := "-", 0, 0
		if z.Next != "" {
			next = string(z.Next) + " " + z.NextAt.UTC().Format("2006-01-02 15:04:05")
		}
		for _, result := range z.Results {
			switch {
			case result.Move != holdfast.TestSigns:
			case result.Outcome == holdfast.OutcomeSecure:
				followed++
			default:
				failed++
			}
		}
		subscribers := fmt.Sprint(z.Subscribers)
		if z.Unconfirmed > 0 {
			subscribers += fmt.Sprintf(" and %d unconfirmed", z.Unconfirmed)
		}
		fmt.Fprintln(out, strings.Join([]string{z.Zone.Short(), z.Pace, string(z.Step), next, subscribers, fmt.Sprint(followed), fmt.Sprint(failed)}, "\t"))
	}
	return out.Flush()
}
