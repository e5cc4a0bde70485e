package zone

import (
	"testing"

	"github.com/holdfastdns/holdfast"
)

func TestContacts(t *testing.T) {
	const (
		none   = "no technical contact is known to whom mail can be sent: if the zone fails, nobody there is told"
		under  = "the technical contact's mail domain nic.example. lies under the zone itself: mail to it may not arrive while the zone fails"
		bounce = "mail to the technical contact was refused for good at " + stamp
	)
	for _, c := range []struct {
		r    *holdfast.Registration
		want [3]string
	}{
		{nil, [3]string{}},
		{&holdfast.Registration{}, [3]string{none, "", ""}},
		{&holdfast.Registration{Contact: true, Domain: "registry.test."}, [3]string{}},
		{&holdfast.Registration{Contact: true, Domain: "nic.example."}, [3]string{"", under, ""}},
		{&holdfast.Registration{Contact: true, Domain: "registry.test.", Bounced: noon}, [3]string{"", "", bounce}},
		{&holdfast.Registration{Contact: true, Domain: "anexample."}, [3]string{}},
	} {
		w := healthy(t)
		w.subject.Registration = c.r
		for i, code := range []string{"REG-01", "REG-02", "REG-03"} {
			if c.want[i] == "" {
				w.expect(code)
			} else {
				w.expect(code, expect{notice, zoneItself, c.want[i]})
			}
		}
	}
}
