package wire

import "testing"

func TestText(t *testing.T) {
	r, err := ParseRecord(`example. 60 IN TXT "v=spf1 " "-all"`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Text(); err != nil || got != "v=spf1 -all" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []Record{{Type: TypeTXT, Data: []byte{5, 'a'}}, {Type: TypeA, Data: []byte{192, 0, 2, 1}}} {
		if got, err := bad.Text(); err == nil {
			t.Errorf("%v is read as %q", bad, got)
		}
	}
}
