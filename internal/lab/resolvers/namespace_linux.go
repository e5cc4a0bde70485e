package resolvers

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Inside is a command that will run as the first process of user, network, process
// and mount namespaces of its own, for which no privilege is needed: nothing that
// it sends can leave the machine, and when it ends, the kernel ends all that it has
// started. It begins with a network in which nothing is up (Furnish).
func Inside(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Setpgid:     true, // an interrupt on the terminal is for whoever started us: they end us in order
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// attributes of a daemon: it ends with whoever started it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// Furnish makes the namespace's network ready: the loopback interface is up and
// has the addresses given (BIND answers on those of an interface only), and all
// other IPv4 and IPv6 addresses are local too.
func Furnish(addresses ...netip.Addr) error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return fmt.Errorf("furnish namespace: %w", err)
	}
	index := uint32(lo.Index)
	link := binary.NativeEndian.AppendUint32([]byte{syscall.AF_UNSPEC, 0, 0, 0}, index)
	link = binary.NativeEndian.AppendUint32(link, syscall.IFF_UP)
	link = binary.NativeEndian.AppendUint32(link, syscall.IFF_UP)
	const create = syscall.NLM_F_CREATE | syscall.NLM_F_REPLACE
	requests := []request{{"set lo up", syscall.RTM_NEWLINK, 0, link}}
	for _, addr := range addresses {
		requests = append(requests, request{"add " + addr.String(), syscall.RTM_NEWADDR, create, addressMessage(addr, index)})
	}
	for _, family := range []byte{syscall.AF_INET, syscall.AF_INET6} {
		requests = append(requests, request{"route all addresses to lo", syscall.RTM_NEWROUTE, create, localRoute(family, index)})
	}
	for _, r := range requests {
		if err := r.do(); err != nil {
			return fmt.Errorf("furnish namespace: %s: %w", r.what, err)
		}
	}
	return nil
}

// request is one of rtnetlink(7).
type request struct {
	what  string
	kind  uint16
	flags uint16
	body  []byte
}

func (r request) do() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	message := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(r.body)))
	message = binary.NativeEndian.AppendUint16(message, r.kind)
	message = binary.NativeEndian.AppendUint16(message, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK|r.flags)
	message = append(binary.NativeEndian.AppendUint64(message, 1), r.body...) // sequence 1, from no port
	if err := syscall.Sendto(fd, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	reply := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, reply, 0)
	if err != nil {
		return err
	}
	// The acknowledgement is an error message whose number is zero.
	if n < syscall.NLMSG_HDRLEN+4 || binary.NativeEndian.Uint16(reply[4:]) != syscall.NLMSG_ERROR {
		return fmt.Errorf("the kernel's reply of %d octets is no acknowledgement", n)
	}
	if errno := int32(binary.NativeEndian.Uint32(reply[syscall.NLMSG_HDRLEN:])); errno != 0 {
		return syscall.Errno(-errno)
	}
	return nil
}

// addressMessage is a struct ifaddrmsg and the address, for this host alone.
func addressMessage(addr netip.Addr, index uint32) []byte {
	family := byte(syscall.AF_INET)
	if addr.Is6() {
		family = syscall.AF_INET6
	}
	out := binary.NativeEndian.AppendUint32([]byte{family, byte(addr.BitLen()), 0, syscall.RT_SCOPE_HOST}, index)
	for _, kind := range []uint16{syscall.IFA_LOCAL, syscall.IFA_ADDRESS} {
		out = attribute(out, kind, addr.AsSlice())
	}
	return out
}

// localRoute is a struct rtmsg for a route by which all addresses of a family are
// the host's own.
func localRoute(family byte, index uint32) []byte {
	out := []byte{family, 0, 0, 0, syscall.RT_TABLE_LOCAL, syscall.RTPROT_BOOT, syscall.RT_SCOPE_HOST, syscall.RTN_LOCAL, 0, 0, 0, 0}
	return attribute(out, syscall.RTA_OIF, binary.NativeEndian.AppendUint32(nil, index))
}

// attribute appends a struct rtattr: lengths are multiples of four here.
func attribute(out []byte, kind uint16, value []byte) []byte {
	out = binary.NativeEndian.AppendUint16(out, uint16(4+len(value)))
	out = binary.NativeEndian.AppendUint16(out, kind)
	return append(out, value...)
}

// SmallDisk mounts a file system in memory of so many octets on a folder: it can be
// full, or read-only, without harm to others.
func SmallDisk(folder string, octets int) error {
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", octets)); err != nil {
		return fmt.Errorf("mount a small disk on %s: %w", folder, err)
	}
	return nil
}

// ReadOnly makes a small disk read-only, or writable again.
func ReadOnly(folder string, on bool) error {
	flags := uintptr(syscall.MS_REMOUNT)
	if on {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("", folder, "", flags, ""); err != nil {
		return fmt.Errorf("remount %s: %w", folder, err)
	}
	return nil
}
