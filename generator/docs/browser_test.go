package docs_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/generator/docs"
)

// A browser is a Chromium without a window.
type browser struct{ path string }

// chromium finds one or skips the test.
func chromium(t *testing.T) browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return browser{path}
		}
	}
	t.Skip("there is no chromium")
	panic("unreachable")
}

// run shows a page of a width, with light or dark as what the reader prefers.
func (b browser) run(t *testing.T, page string, width int, dark bool, args ...string) []byte {
	t.Helper()
	scheme := 1
	if dark {
		scheme = 0
	}
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
		"--user-data-dir=" + t.TempDir(),
		fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme),
		fmt.Sprintf("--window-size=%d,1600", width),
	}, append(args, "file://"+page)...)
	cmd := exec.CommandContext(t.Context(), b.path, args...)
	cmd.WaitDelay = time.Minute // its children keep the pipes
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, &trouble)
	}
	return out.Bytes()
}

// The page is readable on wide and narrow windows, light and dark.
func TestBrowser(t *testing.T) {
	b := chromium(t)
	for _, sample := range samples {
		page := filepath.Join(t.TempDir(), sample+".html")
		html := docs.HTML(load(t, sample))
		if err := os.WriteFile(page, html, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{1280, 500} {
			for _, dark := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/dark=%v", sample, width, dark), func(t *testing.T) {
					shot := filepath.Join(t.TempDir(), "shot.png")
					b.run(t, page, width, dark, "--screenshot="+shot)
					checkShot(t, shot, width, dark)
				})
			}
			t.Run(fmt.Sprintf("%s/%d/layout", sample, width), func(t *testing.T) { checkLayout(t, b, html, width) })
		}
	}
}

// checkShot looks at a picture: a background of the right brightness over most
// of it, and text that stands out.
func checkShot(t *testing.T, name string, width int, dark bool) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Dx(); got != width {
		t.Fatalf("the picture is %d wide, want %d", got, width)
	}
	var back, text int
	for y := range img.Bounds().Dy() {
		for x := range width {
			l := lightness(img, x, y)
			if dark {
				l = 255 - l
			}
			switch {
			case l > 200:
				back++
			case l < 80:
				text++
			}
		}
	}
	all := width * img.Bounds().Dy()
	if back < all*8/10 {
		t.Errorf("%d of %d pixels are background", back, all)
	}
	if text < all/200 {
		t.Errorf("%d of %d pixels are text", text, all)
	}
}

func lightness(img image.Image, x, y int) int {
	return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
}

// checkLayout measures the page with a script, which the page itself forbids.
func checkLayout(t *testing.T, b browser, html []byte, width int) {
	t.Helper()
	const measure = `<script>
var root = document.documentElement, box = document.querySelector("main").getBoundingClientRect();
var small = [...document.querySelectorAll("main *, nav *")].filter(e => e.children.length === 0 && e.textContent.trim() &&
  parseFloat(getComputedStyle(e).fontSize) < 12).map(e => e.tagName);
root.innerHTML = "<body>inner " + innerWidth + " scroll " + root.scrollWidth + " main " + Math.round(box.width) + " small " + small.length + " end</body>";
</script></body>`
	page := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllLiteral(html, nil)
	page = bytes.Replace(page, []byte("</body>"), []byte(measure), 1)
	name := filepath.Join(t.TempDir(), "measure.html")
	if err := os.WriteFile(name, page, 0o644); err != nil {
		t.Fatal(err)
	}
	dom := string(b.run(t, name, width, false, "--dump-dom"))
	var inner, scroll, main, small int
	if _, err := fmt.Sscanf(dom[max(0, strings.Index(dom, "inner ")):], "inner %d scroll %d main %d small %d end", &inner, &scroll, &main, &small); err != nil {
		t.Fatalf("%v in %.500s", err, dom)
	}
	if inner != width || scroll > inner {
		t.Errorf("the page is %d wide in a window of %d, want one of %d", scroll, inner, width)
	}
	if main < width/2 {
		t.Errorf("the text has %d of %d", main, width)
	}
	if small > 0 {
		t.Errorf("%d texts are smaller than 12 px", small)
	}

	// As it is, the page lets no script run: the same script leaves no trace.
	guarded := bytes.Replace(html, []byte("</body>"), []byte(measure), 1)
	if err := os.WriteFile(name, guarded, 0o644); err != nil {
		t.Fatal(err)
	}
	if dom := string(b.run(t, name, width, false, "--dump-dom")); !strings.Contains(dom, `id="overview"`) {
		t.Error("a script ran in spite of the policy of the page")
	}
}
