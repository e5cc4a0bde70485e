package alert

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

const (
	hook    = "https://hook.example/in"
	manager = "http://am.example:9093"
)

// machines is a watch that tells a webhook and an Alertmanager.
func machines(t *testing.T) *watch {
	w := newWatch(t)
	w.targets = []notify.Target{{Channel: notify.ChannelAlertmanager, Recipient: manager}, {Channel: notify.ChannelWebhook + "pager", Recipient: hook}}
	w.restart()
	return w
}

func TestWebhookBody(t *testing.T) {
	w := machines(t)
	w.contact("example.", "tech@nic.example")
	until := start.Add(10 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityCritical, until))
	w.mended("example.")
	w.wantTold(hook, "opened critical, closed critical")
	n := w.notices(hook)[0]
	if n.Channel != "webhook:pager" || n.Text != "" || n.HTML != "" {
		t.Errorf("over %s, text %q", n.Channel, n.Text)
	}
	var body map[string]any
	if err := json.Unmarshal(n.Payload, &body); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"format": "holdfast-notice/1", "notice": n.ID, "reason": "opened", "at": "2026-08-03T00:10:00Z",
		"url": "https://watch.registry.example/incidents/" + n.Incident, "summary": n.Subject} {
		if got := fmt.Sprint(body[key]); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	incident := body["incident"].(map[string]any)
	if incident["state"] != "open" || incident["severity"] != "critical" || incident["fails_at"] != "2026-08-03T10:00:00Z" || incident["members"] != nil {
		t.Errorf("incident %v", incident)
	}
	for _, n := range append(w.notices(hook), w.notices(manager)...) {
		if strings.Contains(string(n.Payload), "@nic.example") || strings.Contains(string(n.Payload), "555") {
			t.Errorf("a contact is in a payload: %s", n.Payload)
		}
	}
}

// TestAlertmanagerPayload holds the body to what Alertmanager's API version 2
// asks of postableAlerts: an array of objects with labels (an object of texts,
// required), annotations (the same), startsAt and endsAt (RFC 3339 instants)
// and generatorURL (a URI).
func TestAlertmanagerPayload(t *testing.T) {
	w := machines(t)
	until := start.Add(40 * time.Hour)
	w.trouble("example.", expiring(holdfast.SeverityWarning, until))
	w.trouble("example.", expiring(holdfast.SeverityError, until))
	w.mended("example.")
	w.wantTold(manager, "opened warning, raised error, closed error")
	labelName := regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	var posts [][]struct {
		Labels, Annotations map[string]string
		StartsAt, EndsAt    time.Time
		GeneratorURL        string
	}
	for _, n := range w.notices(manager) {
		posts = append(posts, nil)
		if err := json.Unmarshal(n.Payload, &posts[len(posts)-1]); err != nil {
			t.Fatalf("%v: %s", err, n.Payload)
		}
		for _, alert := range posts[len(posts)-1] {
			if alert.Labels["alertname"] != "HoldfastExpiry" || alert.Labels["incident"] != n.Incident || alert.Annotations["zones"] != "example" {
				t.Errorf("alert %+v", alert)
			}
			for name := range alert.Labels {
				if !labelName.MatchString(name) {
					t.Errorf("label %q", name)
				}
			}
			if !alert.StartsAt.Equal(start.Add(5*time.Minute)) || !strings.HasPrefix(alert.GeneratorURL, "https://watch.registry.example/incidents/") {
				t.Errorf("starts at %s, %s", alert.StartsAt, alert.GeneratorURL)
			}
		}
	}
	opened, raised, closed := posts[0], posts[1], posts[2]
	if len(opened) != 1 || opened[0].Labels["severity"] != "warning" || !opened[0].EndsAt.Equal(start.Add(10*time.Minute+12*time.Hour)) {
		t.Errorf("opened: %+v", opened)
	}
	now := start.Add(15 * time.Minute)
	if len(raised) != 2 || raised[0].Labels["severity"] != "error" || !raised[0].EndsAt.After(now) || raised[1].Labels["severity"] != "warning" || !raised[1].EndsAt.Equal(now) {
		t.Errorf("raised: %+v", raised)
	}
	for _, alert := range closed {
		if alert.EndsAt.After(start.Add(30 * time.Minute)) {
			t.Errorf("closed, it ends at %s", alert.EndsAt)
		}
	}
}
