package ceremony_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/holdfastdns/holdfast/internal/source/ceremony"
)

func TestReal(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/data/skr/*.xml")
	for _, f := range files {
		in, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := ceremony.Read(in, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(doc.Kind, doc.ID, len(doc.Bundles))
	}
}
