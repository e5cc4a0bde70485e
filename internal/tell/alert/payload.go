package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// WebhookBody is what a webhook is sent; docs/formats/webhook.md describes it.
// It holds nothing of contacts.
type WebhookBody struct {
	Format   string                `json:"format"` // "holdfast-notice/1"
	Notice   string                `json:"notice"` // the same over retries: know it again by this
	Reason   holdfast.NoticeReason `json:"reason"`
	At       time.Time             `json:"at"`
	Summary  string                `json:"summary"`
	Incident holdfast.Incident     `json:"incident"`
	URL      string                `json:"url,omitempty"`
}

// AlertmanagerAlert is one postable alert of Alertmanager's API, version 2.
type AlertmanagerAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// payload is the body for a channel that machines read.
func (a *Alert) payload(i *holdfast.Incident, n holdfast.Notice, target notify.Target) ([]byte, error) {
	var body any
	switch {
	case target.Channel == notify.ChannelAlertmanager:
		body = a.alertmanager(i, n)
	default:
		public := i.Public()
		public.Members = nil // our own memory, of no use to others
		body = WebhookBody{Format: "holdfast-notice/1", Notice: n.ID, Reason: n.Reason, At: n.Created,
			Summary: n.Subject, Incident: public, URL: a.page(i)}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the payload of notice %s: %w", n.ID, err)
	}
	return encoded, nil
}

func (a *Alert) page(i *holdfast.Incident) string {
	if a.config.BaseURL == "" {
		return ""
	}
	return a.config.BaseURL + "incidents/" + i.ID
}

// alertmanager is an incident as Alertmanager knows alerts. The labels are who
// an alert is; severity is one of them, because people route by it, so an
// incident whose severity moved is a new alert, and those that it was before
// end in the same breath. Zones and servers come and go: they are annotations.
// What Alertmanager does not hear of again ends at endsAt.
func (a *Alert) alertmanager(i *holdfast.Incident, n holdfast.Notice) []AlertmanagerAlert {
	alert := AlertmanagerAlert{
		Labels: a.labels(i, i.Severity),
		Annotations: map[string]string{
			"summary": i.Title,
			"zones":   strings.Join(names(i.Zones), " "),
			"servers": serverList(i.Servers),
		},
		StartsAt: i.Opened.UTC(), EndsAt: n.Created.UTC().Add(3 * a.config.Resend.Of()), GeneratorURL: a.page(i),
	}
	if !i.FailsAt.IsZero() {
		alert.Annotations["fails_at"] = i.FailsAt.UTC().Format(time.RFC3339)
	}
	if n.Reason == holdfast.ReasonClosed {
		alert.EndsAt = n.Created.UTC()
	}
	out := []AlertmanagerAlert{alert}
	for severity := holdfast.SeverityWarning; severity <= i.Peak; severity++ {
		was := slices.ContainsFunc(i.Log, func(e holdfast.IncidentEvent) bool { return e.Severity == severity && e.What != "passed" })
		if severity == i.Severity || !was {
			continue
		}
		past := alert
		past.Labels, past.EndsAt = a.labels(i, severity), n.Created.UTC()
		out = append(out, past)
	}
	return out
}

func (a *Alert) labels(i *holdfast.Incident, severity holdfast.Severity) map[string]string {
	return map[string]string{
		"alertname": "Holdfast" + strings.ToUpper(string(i.Trouble[:1])) + string(i.Trouble[1:]),
		"incident":  i.ID,
		"trouble":   string(i.Trouble),
		"severity":  severity.String(),
	}
}
