package holdfast_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

func TestFindingJSON(t *testing.T) {
	f := holdfast.IncidentFinding{Measurement: "m1", Finding: holdfast.Finding{
		Code: "SIG-01", Name: "signature-expired", Severity: holdfast.SeverityCritical, Zone: "example.",
		Server: holdfast.Server{Name: "ns1.example.", Address: netip.MustParseAddr("192.0.2.1")},
		RRset:  holdfast.ClassNS, Text: "text", Reference: "RFC 4035 section 5.3.1", Evidence: []int{3},
	}}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"server":"ns1.example."`, `"address":"192.0.2.1"`, `"severity":"critical"`, `"measurement":"m1"`, `"evidence":[3]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	var back holdfast.IncidentFinding
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, f) {
		t.Errorf("came back as %+v, %v", back, err)
	}
	var zoneWide holdfast.Finding
	if err := json.Unmarshal([]byte(`{"code":"X","evidence":[]}`), &zoneWide); err != nil || zoneWide.Server != (holdfast.Server{}) {
		t.Errorf("%+v, %v", zoneWide, err)
	}
}
