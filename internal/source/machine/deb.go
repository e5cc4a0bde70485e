package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/holdfastdns/holdfast/internal/source/zonefile"
)

// arMagic begins an ar archive, which deb(5) is.
const arMagic = "!<arch>\n"

// maxMemory bounds what unpacking zstd may take, in octets.
const maxMemory = 128 << 20

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// unpack answers what gzip, xz or zstd packed, or the input as it is.
func unpack(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	if head, _ := buffered.Peek(len(zstdMagic)); bytes.Equal(head, zstdMagic) {
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxMemory))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return decoder.IOReadCloser(), nil
	}
	return zonefile.Unpack(buffered)
}

// deb is what a Debian package says of itself.
type deb struct {
	name, version string
}

// readDeb reads a package: its control file, and its files into a tree.
func readDeb(in io.Reader, tree *archive, see func(string, io.Reader) error) (deb, error) {
	var out deb
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != arMagic {
		return out, errors.New("read package: it is no Debian package")
	}
	for {
		header := make([]byte, 60)
		if _, err := io.ReadFull(in, header); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("read package: %w", err)
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil || size < 0 || string(header[58:]) != "`\n" {
			return out, errors.New("read package: a member's header is broken")
		}
		member := &io.LimitedReader{R: in, N: size}
		switch name := strings.TrimRight(string(header[:16]), " /"); {
		case strings.HasPrefix(name, "control.tar"):
			err = readControl(member, &out)
		case strings.HasPrefix(name, "data.tar"):
			err = readPacked(member, tree, see)
		}
		if err != nil {
			return out, err
		}
		// Members begin at even offsets.
		if _, err := io.Copy(io.Discard, member); err != nil {
			return out, fmt.Errorf("read package: %w", err)
		}
		if member.N > 0 {
			return out, fmt.Errorf("read package: %w", io.ErrUnexpectedEOF)
		}
		if size%2 == 1 {
			if _, err := io.ReadFull(in, make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
				return out, fmt.Errorf("read package: %w", err)
			}
		}
	}
}

func readPacked(in io.Reader, tree *archive, see func(string, io.Reader) error) error {
	plain, err := unpack(in)
	if err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	if closer, ok := plain.(io.Closer); ok {
		defer closer.Close()
	}
	return tree.read(plain, see)
}

func readControl(in io.Reader, into *deb) error {
	control := newArchive()
	keep := func(name string, content io.Reader) error {
		if name != "control" {
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(content, maxConfig))
		for line := range lines(text) {
			if value, ok := strings.CutPrefix(line, "Package: "); ok {
				into.name = value
			}
			if value, ok := strings.CutPrefix(line, "Version: "); ok {
				into.version = value
			}
		}
		return err
	}
	return readPacked(in, control, keep)
}
