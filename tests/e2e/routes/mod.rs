mod access;
mod admin;
mod auth;
mod edge;
mod health;
mod profile;
mod tenant_info;
mod users;
