package wire

import (
	"testing"

	"github.com/holdfastdns/holdfast"
)

func TestMX(t *testing.T) {
	r, err := ParseRecord("example. 3600 IN MX 10 Mail.Example.")
	if err != nil {
		t.Fatal(err)
	}
	if mx, err := r.MX(); err != nil || mx != (MX{10, "mail.example."}) {
		t.Errorf("%+v %v", mx, err)
	}
	if null, err := NewRecord("example.", TypeMX, 60, []byte{0, 0, 0}).MX(); err != nil || null.Host != holdfast.Root {
		t.Errorf("a null MX: %+v %v", null, err)
	}
	for _, data := range [][]byte{nil, {0}, {0, 10}, {0, 10, 1, 'a'}, {0, 10, 0, 0}} {
		if mx, err := NewRecord("example.", TypeMX, 60, data).MX(); err == nil {
			t.Errorf("% x was read as %+v", data, mx)
		}
	}
	if _, err := NewRecord("example.", TypeTXT, 60, []byte{0, 0, 0}).MX(); err == nil {
		t.Error("a TXT record was read as an MX")
	}
}

// The record of RFC 9859 section 2.2: CDS NOTIFY 5359 cds-scanner.example.net.
func TestDSYNC(t *testing.T) {
	r, err := ParseRecord(`_dsync.example. 3600 IN TYPE66 \# 30 003B0114EF0B6364732D7363616E6E6572076578616D706C65036E657400`)
	if err != nil {
		t.Fatal(err)
	}
	want := DSYNC{Type: TypeCDS, Scheme: SchemeNotify, Port: 5359, Target: "cds-scanner.example.net."}
	if d, err := r.DSYNC(); err != nil || d != want {
		t.Errorf("%+v %v", d, err)
	}
	for _, data := range [][]byte{nil, {0, 59, 1, 0}, {0, 59, 1, 0, 53}, {0, 59, 1, 0, 53, 0, 0}} {
		if d, err := NewRecord("_dsync.example.", TypeDSYNC, 60, data).DSYNC(); err == nil {
			t.Errorf("% x was read as %+v", data, d)
		}
	}
	if _, err := NewRecord("example.", TypeMX, 60, make([]byte, 6)).DSYNC(); err == nil {
		t.Error("an MX record was read as a DSYNC")
	}
}
