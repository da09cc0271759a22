"""What stands around text on the web, made up: navigation, notices, teasers, figures, keyword lists, log lines."""

from __future__ import annotations

import numpy as np

LABELS = (
    "Home", "About us", "Contact", "Login", "Sign up", "Register", "Search", "Sitemap", "Privacy policy",
    "Terms of use",
    "Cookie settings", "Newsletter", "Subscribe", "Share on Facebook", "Tweet", "Print", "Next", "Previous",
    "Read more",
    "Back to top", "Menu", "News", "Sport", "Weather", "Jobs", "Shop", "Cart", "Checkout", "My account", "Help", "FAQ",
    "Careers", "Press", "Archive", "Categories", "Tags", "Comments (0)", "Reply", "Report", "Follow", "Like",
    "Download",
    "View all", "Show more", "Photos", "Videos", "Events", "Gallery", "Store locator", "Gift cards", "Sale", "English",
)  # fmt: skip
NOTICES = (
    "We use cookies to make this site work. Accept all",
    "By continuing to use this site you agree to our terms and conditions",
    "All rights reserved. Copyright 2019 - 2026",
    "Please enable JavaScript to view the comments powered by this site",
    "Sign up for our newsletter and get 10% off your first order!!!",
    "Your email address will not be published. Required fields are marked *",
    "This post may contain affiliate links",
    "Click here to download the app. FREE!!!",
    "You must be logged in to post a comment",
    "Page not found. The page you are looking for has been moved or deleted",
    "Buy now! Limited offer! Best price guaranteed! Free shipping on orders over $50",
    "Loading... Please wait...",
    "Posted by admin on Monday | 0 comments | Filed under: Uncategorized",
    "Related posts: You may also like: Most popular: Trending now:",
)
TOPICS = (
    "holiday", "summer", "travel", "hotel", "beach", "flight", "deal", "cheap", "best", "online", "review",
    "price", "buy", "sale", "home", "garden", "kitchen", "car", "phone", "mobile", "game", "free", "download",
    "video", "music", "movie", "news", "sport", "football", "health", "diet", "recipe", "fashion", "shoes",
    "dress", "wedding", "money", "loan", "credit", "insurance", "casino", "crypto", "market", "job", "school",
    "city", "map", "weather", "event", "photo", "party", "gift", "kids", "dog", "cat",
)  # fmt: skip


def _some(rng: np.random.Generator, of, low: int, high: int) -> list[str]:
    return [str(of[rng.integers(len(of))]) for _ in range(rng.integers(low, high))]


def navigation(rng: np.random.Generator) -> str:
    return ("\n", " | ", " » ", " ", "\n- ")[rng.integers(5)].join(_some(rng, LABELS, 4, 16))


def notice(rng: np.random.Generator) -> str:
    return ("\n", " ")[rng.integers(2)].join(_some(rng, NOTICES, 1, 4))


def teasers(rng: np.random.Generator) -> str:
    return "\n".join(f"{' '.join(_some(rng, TOPICS, 3, 9)).capitalize()}..." for _ in range(rng.integers(2, 8)))


def tags(rng: np.random.Generator) -> str:
    mark = ("#", "", "★ ", "@")[rng.integers(4)]
    return (" ", ", ", "; ")[rng.integers(3)].join(mark + word for word in _some(rng, TOPICS, 8, 40))


def figures(rng: np.random.Generator) -> str:
    lines = []
    for _ in range(rng.integers(2, 9)):
        cells = [f"{rng.integers(0, 10_000) / 10 ** int(rng.integers(0, 3)):g}" for _ in range(rng.integers(3, 9))]
        lines.append(("\t", "  ", " | ", ",")[rng.integers(4)].join(cells))
    return "\n".join(lines)


def log_lines(rng: np.random.Generator) -> str:
    kinds = ("INFO", "DEBUG", "WARN", "GET /index.html 200", "ERROR at line", "POST /api 302")
    return "\n".join(
        f"2026-{rng.integers(1, 13):02}-{rng.integers(1, 29):02} {rng.integers(24):02}:{rng.integers(60):02}:"
        f"{rng.integers(60):02} {kinds[rng.integers(6)]} {rng.integers(1 << 20):x}"
        for _ in range(rng.integers(2, 7))
    )


def shouting(rng: np.random.Generator) -> str:
    return " ".join(_some(rng, TOPICS, 6, 20)).upper() + "!" * int(rng.integers(1, 5))


def furniture(rng: np.random.Generator) -> str:
    """One piece of it, of a kind drawn at random."""
    kinds = (navigation, notice, teasers, tags, figures, log_lines, shouting)
    return kinds[rng.integers(len(kinds))](rng)
