package record

import (
	"reflect"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

// TestAlikeSeesEveryField: a field that were passed over would be lost, since a
// status that is alike is not written anew. It fails for a field that is added
// and forgotten.
func TestAlikeSeesEveryField(t *testing.T) {
	// What each look changes is written all the same; Holds is not recorded.
	free := map[string]bool{"Measurement": true, "At": true, "Holds": true, "RTT": true}
	w := newWorld(31, 1)
	z := w.zones[0]
	full := func() (holdfast.Subject, holdfast.Verdict) {
		v := w.verdict(z, "m", morning)
		v.Findings = []holdfast.Finding{finding(z, "SIG-01", holdfast.SeverityWarning)}
		v.Suppressed = map[string]string{"SIG-02": "SIG-01"}
		return z.subject, v
	}
	subject, verdict := full()
	before := &ZoneStatus{Subject: subject, Verdict: verdict}
	if s, v := full(); !alikeStatus(before, s, &v) {
		t.Fatal("the same is not alike")
	}
	check := func(what string, change func(*holdfast.Subject, *holdfast.Verdict) reflect.Value) {
		fields := change(new(holdfast.Subject), &holdfast.Verdict{Findings: make([]holdfast.Finding, 1), Windows: make([]holdfast.Window, 1), Servers: make([]holdfast.ServerVerdict, 1)}).Type()
		for i := range fields.NumField() {
			name := fields.Field(i).Name
			s, v := full()
			other(t, change(&s, &v).Field(i))
			if got := alikeStatus(before, s, &v); got != free[name] {
				t.Errorf("%s with another %s: alike %v, want %v", what, name, got, free[name])
			}
		}
	}
	check("a subject", func(s *holdfast.Subject, _ *holdfast.Verdict) reflect.Value { return reflect.ValueOf(s).Elem() })
	check("a verdict", func(_ *holdfast.Subject, v *holdfast.Verdict) reflect.Value { return reflect.ValueOf(v).Elem() })
	check("a server", func(_ *holdfast.Subject, v *holdfast.Verdict) reflect.Value {
		return reflect.ValueOf(&v.Servers[0]).Elem()
	})
	check("a window", func(_ *holdfast.Subject, v *holdfast.Verdict) reflect.Value {
		return reflect.ValueOf(&v.Windows[0]).Elem()
	})
	check("a finding", func(_ *holdfast.Subject, v *holdfast.Verdict) reflect.Value {
		return reflect.ValueOf(&v.Findings[0]).Elem()
	})
}

// other gives a field another value.
func other(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.String:
		field.SetString(field.String() + "x")
	case reflect.Int, reflect.Int64:
		field.SetInt(field.Int() + 1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		field.SetUint(field.Uint() + 1)
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.Slice, reflect.Map:
		field.Set(reflect.Zero(field.Type()))
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Struct:
		switch value := field.Interface().(type) {
		case time.Time:
			field.Set(reflect.ValueOf(value.Add(time.Second)))
		case holdfast.Server:
			value.Name += "x"
			field.Set(reflect.ValueOf(value))
		default:
			t.Fatalf("no other value for a %s", field.Type())
		}
	default:
		t.Fatalf("no other value for a %s", field.Type())
	}
}

// TestAVerdictIssuedAgain: what the record answers is the last verdict, in this
// process and the next, though only its look was written.
func TestAVerdictIssuedAgain(t *testing.T) {
	r, w := create(t), newWorld(32, 1)
	z := w.zones[0]
	first := w.verdict(z, "m1", morning)
	first.Findings = []holdfast.Finding{finding(z, "SIG-01", holdfast.SeverityWarning)}
	noError(t, r.Found(t.Context(), z.subject, first, holdfast.Past{}))
	_, err := r.Statuses(t.Context()) // which loads them
	noError(t, err)
	again := first
	again.Measurement, again.At = "m2", morning.Add(5*time.Minute)
	again.Servers = append([]holdfast.ServerVerdict(nil), first.Servers...)
	again.Servers[0].RTT = 99 * time.Millisecond
	noError(t, r.Found(t.Context(), z.subject, again, holdfast.Past{}))
	var size int64
	noError(t, r.reads.QueryRowContext(t.Context(), "SELECT count(*) FROM status WHERE measurement = 'm2'").Scan(&size))
	if size != 1 {
		t.Error("the status was written whole")
	}
	twice(t, r, func(r *Record) {
		status, err := r.Status(t.Context(), z.subject.Zone)
		if err != nil || !reflect.DeepEqual(status.Verdict, again) {
			t.Errorf("status %+v, %v\nwant %+v", status.Verdict, err, again)
		}
		if !status.Since.Equal(morning) || !status.LastGood.Equal(again.At) || !status.Measured.Equal(again.At) {
			t.Errorf("since %s, last good %s, measured %s", status.Since, status.LastGood, status.Measured)
		}
		intervals, err := r.Intervals(t.Context(), z.subject.Zone, morning)
		if err != nil || len(intervals) != 1 || !intervals[0].LastSeen.Equal(again.At) || intervals[0].Measurement != "m2" {
			t.Errorf("findings over time: %+v, %v", intervals, err)
		}
	})
}
