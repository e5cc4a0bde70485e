package wire

import (
	"encoding/binary"

	"github.com/holdfastdns/holdfast"
)

// Types that the questions about what stands behind a zone want.
const (
	TypeHTTPS Type = 65 // RFC 9460
	TypeDSYNC Type = 66 // RFC 9859
)

// MX is a mail exchanger (RFC 1035 section 3.3.9). Host is the root where the
// domain takes no mail (RFC 7505).
type MX struct {
	Preference uint16
	Host       holdfast.Name
}

// MX reads an MX record's data.
func (r Record) MX() (MX, error) {
	if err := r.want(TypeMX); err != nil {
		return MX{}, err
	}
	if len(r.Data) < 2 {
		return MX{}, r.dataError(errShort)
	}
	host, end, err := readName(r.Data, 2)
	switch {
	case err != nil:
		return MX{}, r.dataError(err)
	case end != len(r.Data):
		return MX{}, r.dataError(errTrailing)
	}
	return MX{Preference: binary.BigEndian.Uint16(r.Data), Host: host}, nil
}

// SchemeNotify is the DSYNC scheme of notifications (RFC 9859 section 2.3).
const SchemeNotify = 1

// DSYNC says where a parent takes notifications about changes to a child's
// delegation (RFC 9859 section 2.1).
type DSYNC struct {
	Type   Type // of the RRset that the notifications are about, CDS or CSYNC
	Scheme uint8
	Port   uint16
	Target holdfast.Name
}

// DSYNC reads a DSYNC record's data.
func (r Record) DSYNC() (DSYNC, error) {
	if err := r.want(TypeDSYNC); err != nil {
		return DSYNC{}, err
	}
	if len(r.Data) < 5 {
		return DSYNC{}, r.dataError(errShort)
	}
	target, end, err := readName(r.Data, 5)
	switch {
	case err != nil:
		return DSYNC{}, r.dataError(err)
	case end != len(r.Data):
		return DSYNC{}, r.dataError(errTrailing)
	}
	return DSYNC{
		Type: Type(binary.BigEndian.Uint16(r.Data)), Scheme: r.Data[2],
		Port: binary.BigEndian.Uint16(r.Data[3:]), Target: target,
	}, nil
}
