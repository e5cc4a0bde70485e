package holdfast

import "testing"

func TestIncidentPublicLeavesAddressesOut(t *testing.T) {
	incident := Incident{Log: []IncidentEvent{
		{Text: "mail to tech@nic.example held for release"},
		{Text: "ask dig @192.0.2.1 example. SOA"},
		{Text: "told <a@b.example>, then c@d.example"},
	}}
	want := []string{
		"mail to [address] held for release",
		"ask dig @192.0.2.1 example. SOA",
		"told [address] then [address]",
	}
	public := incident.Public()
	for i, event := range public.Log {
		if event.Text != want[i] {
			t.Errorf("log line %d: %q, want %q", i, event.Text, want[i])
		}
	}
	if incident.Log[0].Text == public.Log[0].Text {
		t.Error("Public changed the incident itself")
	}
}
