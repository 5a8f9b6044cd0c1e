//! The code on the pages in `docs/` compiles: each page is the documentation of an item here.

macro_rules! pages {
    ($($page:ident = $file:literal)+) => {
        $(#[doc = include_str!(concat!("../../docs/", $file, ".md"))]
        struct $page;)+
    };
}

pages! {
    Start = "start"
    YourProvider = "your-provider"
    ExactlyOnce = "exactly-once"
    WhereItRuns = "where-it-runs"
    RunningSeveral = "running-several"
    Rotation = "rotation"
    Seeing = "seeing"
    Discord = "providers/discord"
    Github = "providers/github"
    Shopify = "providers/shopify"
    Slack = "providers/slack"
    StandardWebhooks = "providers/standard-webhooks"
    Stripe = "providers/stripe"
    Twilio = "providers/twilio"
}
